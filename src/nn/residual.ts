/**
 * Residual convolutional tower. He et al. 2016, arXiv:1512.03385: two 3 × 3 convolutions a block (figure 2), batch norm behind each (§3.4).
 * DIFFERS at the doors: patches instead of a 7 × 7 convolution and pooling, and 2 × 2 patches between stages ("patchify", Liu et al. 2022,
 * arXiv:2201.03545, §2.2 and §2.6), which are matrix products here; a layer norm behind the mean over positions (the same, §2.6).
 */
import { type F, type Init, rearrange, relu, type Scope } from '../engine/index.ts';
import * as must from './arguments.ts';
import { conv2d } from './conv.ts';
import { kaimingNormal } from './init.ts';
import { batchNorm, layerNorm } from './norm.ts';

/** Options of {@link residualTower}. */
export type ResidualOptions = {
  /** Pixels of a patch's side: the first stage has a position for each patch. */
  readonly patch: number;
  /** Channels of each stage; every stage has half the positions a side of the one before. */
  readonly stages: readonly number[];
  /** Blocks of each stage. */
  readonly depth: number;
};

const init: Init = kaimingNormal({});
const towerOptions = must.options({}, { patch: must.size, stages: must.wholes(1), depth: must.count });

/**
 * One vector for each image: [b c y x] → [b d], as wide as the last stage. Parameters: those of {@link residualTokens} and `norm`. He et al.
 * 2016, arXiv:1512.03385; where it differs is said above.
 */
export function residualTower(s: Scope, image: F<'b c y x'>, o: ResidualOptions): F<'b d'> {
  check('residualTower', s, image, o);
  return layerNorm(s.at('norm'), stagesOf(s, image, o).mean([2, 3]));
}

/**
 * The last stage's positions as tokens, row by row: [b c y x] → [b n d], n = (y / (patch · 2^(stages − 1)))²; what a transformer may start from in place of
 * patches (the hybrid of Dosovitskiy et al. 2021, arXiv:2010.11929, §3.1). Parameters: `patch`, `patch_norm`,
 * `stages/0/blocks/0/{conv1,norm1,conv2,norm2}`, `stages/1/{patch,patch_norm}`, …; no convolution has a bias, since a norm follows.
 */
export function residualTokens(s: Scope, image: F<'b c y x'>, o: ResidualOptions): F<'b n d'> {
  check('residualTokens', s, image, o);
  return rearrange(stagesOf(s, image, o), 'b d y x -> b (y x) d');
}

function check(name: string, s: Scope, image: F<'b c y x'>, o: ResidualOptions): void {
  must.be(name, { s: [s, must.scope], image: [image, must.floats('b c y x')], o: [o, towerOptions] });
}

/** The feature map of the last stage. */
function stagesOf(s: Scope, image: F<'b c y x'>, o: ResidualOptions): F<'b d y x'> {
  let y = image;
  o.stages.forEach((width, i) => {
    const at = s.at('stages').at(i);
    const [door, patch] = i === 0 ? [s, o.patch] : [at, 2];
    y = conv2d(door.at('patch'), y, width, { kernel: patch, stride: patch, bias: false, init });
    y = relu(batchNorm(door.at('patch_norm'), y));
    for (let j = 0; j < o.depth; j++) y = residualBlock(at.at('blocks').at(j), y);
  });
  return y;
}

/** relu(x + norm(conv(relu(norm(conv(x)))))) with as many channels as x. */
function residualBlock(s: Scope, x: F<'b c y x'>): F<'b c y x'> {
  const same = { kernel: 3, padding: 1, bias: false, init };
  const h = relu(batchNorm(s.at('norm1'), conv2d(s.at('conv1'), x, x.dim(1), same)));
  return relu(x.add(batchNorm(s.at('norm2'), conv2d(s.at('conv2'), h, x.dim(1), same))));
}
