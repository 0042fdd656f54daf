/**
 * Word–patch alignment: how far the words of a text are from the patches of an image, by optimal transport. Kim et al. 2021, §3.2, after UNITER (Chen et
 * al. 2020, arXiv:1909.11740, §3.2); the plan by IPOT (Xie et al. 2018, arXiv:1802.04307, algorithm 1).
 */
import { concat, einsum, type F, full, l2Normalize } from '../../engine/index.ts';
import type { ViltStates } from './vilt.ts';

/** Constants of the paper's code (`ipot`): the proximal term's weight, and its steps. */
const [BETA, STEPS] = [0.5, 50];
/** What is added to the divisors of filling, so that it gets next to nothing of the plan. */
const FAR = 1e4;
/** Keeps the divisors of a text without words above 0. */
const LEAST = 1e-30;

/** Costs [b n m], plan [b m n] and their product's sum [b]; 0 at filling. */
export type Alignment = { readonly cost: F<'b n m'>; readonly plan: F<'b m n'>; readonly distance: F<'b'> };

/**
 * Cosine distances of words and patches, the plan that carries the one to the other at least cost, and that cost. [CLS], [SEP] and the image's class
 * token take no part. The gradient goes through the costs, not through the plan. A text without a word has distance 0.
 */
export function align(states: ViltStates): Alignment {
  const [words, patches] = [inner(states.textKeep), states.imageKeep.mul(notFirst(states.imageKeep))];
  const both = words.unsqueeze(2).mul(patches.unsqueeze(1)); // b n m
  const unit = (x: F): F => l2Normalize(x, { epsilon: 1e-5 });
  const cosine = einsum('b n d, b m d -> b n m', unit(states.text), unit(states.image));
  const cost = cosine.neg().add(1).mul(both);
  const plan = transport(cost.stopGradient(), words, patches).stopGradient();
  return { cost, plan, distance: cost.mul(plan.mT).sum([1, 2]) };
}

/** The words of a text: what counts, without the first token and the last that counts. */
function inner(keep: F<'b n'>): F<'b n'> {
  const [b, n] = [keep.dim(0), keep.dim(1)];
  const next = concat([keep.slice(1, 1), full(keep, [b, 1], 0)], 1).slice(1, 0, n);
  return keep.mul(next).mul(notFirst(keep));
}

const notFirst = (like: F<'b n'>): F<'b n'> =>
  concat([full(like, [like.dim(0), 1], 0), full(like, [like.dim(0), like.dim(1) - 1], 1)], 1);

/** The plan [b m n] between equal shares of the words and of the patches, by proximal point steps of one Sinkhorn update each. */
function transport(cost: F<'b n m'>, words: F<'b n'>, patches: F<'b m'>): F<'b m n'> {
  const count = (x: F): F => x.sum(1, { keep: true }).unsqueeze(2); // b 1 1
  const [n, m] = [count(words), count(patches)];
  const both = patches.unsqueeze(2).mul(words.unsqueeze(1)); // b m n
  const kernel = cost.mT
    .mul(-1 / BETA)
    .exp()
    .mul(both);
  const fill = (x: F): F => x.neg().add(1).mul(FAR);
  const [fillWords, fillPatches] = [fill(words).unsqueeze(1), fill(patches).unsqueeze(2)]; // b 1 n, b m 1
  let plan = both;
  let right = words.unsqueeze(2).div(n.max(1)); // b n 1
  for (let i = 0; i < STEPS; i++) {
    const q = kernel.mul(plan); // b m n
    const left = m.mul(q.matmul(right)).add(fillPatches).max(LEAST).reciprocal(); // b m 1
    const next = n.mul(left.mT.matmul(q)).add(fillWords).max(LEAST).reciprocal(); // b 1 n
    plan = left.mul(q).mul(next);
    right = next.mT;
  }
  return plan.mul(both);
}
