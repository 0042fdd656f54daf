/** All experiments by id. */

import { albefNegatives } from './albef-negatives.ts';
import { beit3MaskedData } from './beit3-masked-data.ts';
import { clipModalityGap } from './clip-modality-gap.ts';
import { clipPrompts } from './clip-prompts.ts';
import { clipSharedSpace } from './clip-shared-space.ts';
import { clipThirdModality } from './clip-third-modality.ts';
import { hashingTrade } from './hashing-trade.ts';
import { idfKeywords } from './idf-keywords.ts';
import type { Insight } from './insight.ts';
import { nearMeaning } from './near-meaning.ts';
import { vlmoStages } from './vlmo-stages.ts';
import { wordOrder } from './word-order.ts';

/** id → experiment. */
export const insights: Readonly<Record<string, Insight>> = {
  'word-order': wordOrder,
  'hashing-trade': hashingTrade,
  'idf-keywords': idfKeywords,
  'near-meaning': nearMeaning,
  'clip-prompts': clipPrompts,
  'clip-shared-space': clipSharedSpace,
  'clip-modality-gap': clipModalityGap,
  'clip-third-modality': clipThirdModality,
  'albef-negatives': albefNegatives,
  'vlmo-stages': vlmoStages,
  'beit3-masked-data': beit3MaskedData,
};
