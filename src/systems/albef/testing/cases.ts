/** The cases of the released code: their inputs under our names, the objective, and values inside the model under theirs. */
import { type F, gather, type NdArray, ndarray, type Scope, type Tensor } from '../../../engine/index.ts';
import type { Inputs, LossTerms, StepContext } from '../../../train/index.ts';
import { classLogits, decodeAnswers, encodeImage, encodePair, keptTokens, wordLogits } from '../albef.ts';
import type { AlbefConfig } from '../config.ts';
import { contrast, encodeBoth, project } from '../contrast.ts';
import { answering, classifying, matching, pretraining, retrieval } from '../objectives.ts';
import type { Golden } from './goldens.ts';

/** Arrays by name. */
export type Arrays = Readonly<Record<string, NdArray>>;
type Trace = (s: Scope, batch: Inputs, t: StepContext, c: AlbefConfig) => LossTerms;

/** A case: what it is fed and what is looked at. */
export type Case = {
  readonly id: string;
  /** The golden's inputs under the objective's names. */
  readonly batch: (g: Golden) => Arrays;
  readonly trace: Trace;
  /** Values inside the model under the golden's names. */
  readonly values: (s: Scope, batch: Inputs, t: StepContext, c: AlbefConfig) => Record<string, Tensor>;
};

const recorded = ({ inputs: x }: Golden): Arrays => ({
  'recorded/negative_image': x['negative_image_index']!,
  'recorded/negative_text': x['negative_text_index']!,
});

/** How many of each question's answers there are → the question of every answer. */
function questionsOf(counts: NdArray): NdArray {
  const rows = Array.from(counts.data, Number).flatMap((n, i) => new Array<number>(n).fill(i));
  return ndarray('int32', [rows.length], rows);
}

const pretrainingValues: Case['values'] = (s, b, t, c) => {
  const [image, tokens] = [b['image']!.asFloat(), b['tokens']!.asInt()];
  const [encoded, twin] = [encodeBoth(s, { image, tokens }, c), encodeBoth(t.teacher, { image, tokens }, c)];
  const [online, momentum] = [project(s, encoded, c), project(t.teacher, twin, c)];
  const ids = b['group']?.asInt();
  const found = contrast(s, t, { online, momentum, ids }, c);
  const match = matching(s, t, { encoded, tokens, found, ids }, c);
  const masked = b['masked']?.asInt();
  return {
    ...{ image_feat: online.image, text_feat: online.text, image_feat_m: momentum.image, text_feat_m: momentum.text },
    ...{ sim_i2t: found.imageToText, sim_t2i: found.textToImage, loss_itc: found.loss, loss_itm: match.loss },
    ...{ itm_logits: match.logits, image_embeds: encoded.image, text_embeds: encoded.text, image_embeds_m: twin.image },
    ...{ sim_i2t_m: found.momentum.imageToText, sim_t2i_m: found.momentum.textToImage },
    ...{ target_i2t: found.targets.imageToText, target_t2i: found.targets.textToImage },
    ...(masked
      ? {
          mlm_logits: wordLogits(s, encodePair(s, masked, [encoded.image], c), c),
          mlm_logits_m: wordLogits(t.teacher, encodePair(t.teacher, masked, [twin.image], c), c),
          mlm_hidden: encodePair(s, masked, [encoded.image], c),
        }
      : {}),
  };
};

const answeringValues: Case['values'] = (s, b, t, c) => {
  const [image, tokens] = [b['image']!.asFloat(), b['tokens']!.asInt()];
  const [answers, question] = [b['answers']!.asInt(), b['question']!.asInt()];
  const states = (at: Scope): F => encodePair(at, tokens, [encodeImage(at, image, c)], c);
  const decoded = (at: Scope): F =>
    decodeAnswers(
      at,
      answers,
      { states: gather(states(at), question), keep: keptTokens(gather(tokens, question), c) },
      c,
    );
  const twin = decoded(t.teacher);
  return { question_states: states(s), answer_logits: decoded(s), answer_logits_m: twin.slice(1, 0, twin.dim(1) - 1) };
};

const classifyingValues: Case['values'] = (s, b, t, c) => {
  const fused = (at: Scope): F => encodePair(at, b['tokens']!.asInt(), [encodeImage(at, b['image']!.asFloat(), c)], c);
  return {
    fused: fused(s),
    logits: classLogits(s, fused(s), c),
    logits_m: classLogits(t.teacher, fused(t.teacher), c),
  };
};

/** Every case of the released code. */
export const cases: readonly Case[] = [
  {
    id: 'albef-pretrain',
    batch: (g) => ({
      ...{ image: g.inputs['image']!, tokens: g.inputs['input_ids']!, masked: g.inputs['masked_ids']! },
      ...{ labels: g.inputs['mlm_labels']!, ...recorded(g) },
    }),
    trace: pretraining,
    values: pretrainingValues,
  },
  {
    id: 'albef-retrieval',
    batch: (g) => ({
      ...{ image: g.inputs['image']!, tokens: g.inputs['input_ids']!, group: g.inputs['image_id']!, ...recorded(g) },
    }),
    trace: retrieval,
    values: pretrainingValues,
  },
  {
    id: 'albef-vqa',
    batch: (g) => ({
      ...{ image: g.inputs['image']!, tokens: g.inputs['question_ids']!, answers: g.inputs['answer_ids']! },
      ...{ question: questionsOf(g.inputs['answers_per_question']!), weights: g.inputs['answer_weights']! },
    }),
    trace: answering,
    values: answeringValues,
  },
  {
    id: 'albef-ve',
    batch: (g) => ({ image: g.inputs['image']!, tokens: g.inputs['input_ids']!, labels: g.inputs['labels']! }),
    trace: classifying,
    values: classifyingValues,
  },
];
