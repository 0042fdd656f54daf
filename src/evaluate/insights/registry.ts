/** All experiments by id. */
import { hashingTrade } from './hashing-trade.ts';
import { idfKeywords } from './idf-keywords.ts';
import type { Insight } from './insight.ts';
import { nearMeaning } from './near-meaning.ts';
import { wordOrder } from './word-order.ts';

/** id → experiment. */
export const insights: Readonly<Record<string, Insight>> = {
  'word-order': wordOrder,
  'hashing-trade': hashingTrade,
  'idf-keywords': idfKeywords,
  'near-meaning': nearMeaning,
};
