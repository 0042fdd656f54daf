/**
 * Where in the image is what a text says? Grad-CAM (Selvaraju et al. 2017) on the attention from the text to the image in one multimodal layer, with
 * respect to the matching logit (Li et al. 2021, §5, visual grounding; released code, Grounding.py and `grounding_eval`).
 */
import type { Box, ScoredBox } from '../../capabilities/index.ts';
import { type F, grad, type I, relu, resizeWeights, type Scope } from '../../engine/index.ts';
import type { ImagePreprocessing, ImageSize } from '../../image/index.ts';
import { encodeTokens, fuse, keptTokens, matchLogits } from './albef.ts';
import type { AlbefConfig } from './config.ts';

/** The layer whose attention is looked at: the ninth of twelve in the paper (§5: "the 3rd layer of the multimodal encoder"), a third into the multimodal ones. */
export function groundingLayer({ text }: AlbefConfig): number {
  return text.fusion + Math.floor((text.depth - text.fusion) / 3);
}

/** How much the attention to each patch speaks for "belong together": vectors of images [b 1+p d] and token rows [b n] → [b p], not negative. */
export function groundingMap(
  s: Scope,
  { image, tokens }: { readonly image: F<'b m d'>; readonly tokens: I<'b n'> },
  c: AlbefConfig,
  layer: number = groundingLayer(c),
): F<'b p'> {
  const keep = keptTokens(tokens, c);
  const first = layer < c.text.depth - 1; // in the last layer all tokens' attention is wanted
  const fused = fuse(s, { text: encodeTokens(s, tokens, c), keep, images: [image], first }, c);
  const weights = s.trace.taps.get(s.at('text/blocks').at(layer).at('cross/weights').path)!.asFloat(); // b h n m
  const matches = matchLogits(s, fused).slice(1, 1, 2).sum();
  const [gradient] = grad(matches, [weights]) as [F];
  const counted = keep.to(weights.dtype).reshape([keep.dim(0), 1, keep.dim(1), 1]);
  const cam = weights.mul(relu(gradient)).mul(counted).slice(3, 1, weights.dim(3)); // without the image's [CLS]
  return cam.mean([1, 2]);
}

/** A map over the patches of an image as the model sees it. */
export type PatchMap = { readonly side: number; readonly data: ArrayLike<number> };

/** Power of the area that a box's sum is divided by (released code: 0.5), so that neither the smallest nor the largest box always wins. */
const AREA_POWER = 0.5;

/**
 * Boxes by what the map holds in them, the best first. With `proposals` those are ranked. DIFFERS: without them, since there is no detector here, the boxes
 * of the connected parts where the map is at least half as large as at its largest.
 */
export function boxesOf(
  map: PatchMap,
  image: ImageSize,
  pixels: ImagePreprocessing,
  o: { readonly proposals?: readonly Box[] | undefined; readonly k?: number | undefined } = {},
): ScoredBox[] {
  const view = viewOf(pixels, image);
  const found = o.proposals ?? partsOf(map).map((box) => onImage(box, map.side, view, image));
  const sums = boxSums(map, image, view);
  const scored = found.map((box) => ({ ...box, score: sums(box) / Math.max(1, box.width * box.height) ** AREA_POWER }));
  return scored.sort((a, b) => b.score - a.score).slice(0, o.k ?? scored.length);
}

/** The part of the image that the model sees, in pixels of the image; it reaches beyond the image where that was padded. */
function viewOf({ shape }: ImagePreprocessing, { width, height }: ImageSize): Box {
  const middle = (w: number, h: number): Box => ({ x: (width - w) / 2, y: (height - h) / 2, width: w, height: h });
  if (shape.kind !== 'fixed') return middle(width, height);
  const seen = shape.resized ? shape.width / shape.resized.width : 1; // of what was resized, the middle
  if (shape.fit === 'stretch') return middle(width * seen, height * seen);
  const side = shape.fit === 'crop' ? Math.min(width, height) : Math.max(width, height);
  return middle(side * seen, side * seen);
}

/** A box of patches as one of the image, within its borders. */
function onImage(b: Box, side: number, view: Box, image: ImageSize): Box {
  const [w, h] = [view.width / side, view.height / side];
  const within = (x: number, size: number): number => Math.min(Math.max(x, 0), size);
  const [left, right] = [b.x, b.x + b.width].map((x) => within(view.x + x * w, image.width)) as [number, number];
  const [top, bottom] = [b.y, b.y + b.height].map((y) => within(view.y + y * h, image.height)) as [number, number];
  return { x: left, y: top, width: right - left, height: bottom - top };
}

/** Boxes, in patches, of the connected parts (by edges) that are at least half as large as the largest value. */
function partsOf({ side, data }: PatchMap): Box[] {
  const values = Array.from(data);
  const least = Math.max(...values) / 2;
  const left = new Set(values.flatMap((v, i) => (v >= least ? [i] : [])));
  const boxes: Box[] = [];
  for (const start of left) {
    left.delete(start);
    const part = [start];
    for (let i = 0; i < part.length; i++) {
      const [y, x] = [Math.floor(part[i]! / side), part[i]! % side];
      const near = [x > 0 ? part[i]! - 1 : -1, x < side - 1 ? part[i]! + 1 : -1, part[i]! - side, part[i]! + side];
      for (const next of near) if (y >= 0 && left.delete(next)) part.push(next);
    }
    const [xs, ys] = [part.map((i) => i % side), part.map((i) => Math.floor(i / side))];
    const [x, y] = [Math.min(...xs), Math.min(...ys)];
    boxes.push({ x, y, width: Math.max(...xs) + 1 - x, height: Math.max(...ys) + 1 - y });
  }
  return boxes;
}

/** Sums over boxes of the map resized bicubically to the image: rows and columns are weighed apart, so the large map is never made. */
function boxSums({ side, data }: PatchMap, image: ImageSize, view: Box): (box: Box) => number {
  const [columns, rows] = [
    cumulated(side, view.x, view.width, image.width),
    cumulated(side, view.y, view.height, image.height),
  ];
  return ({ x, y, width, height }) => {
    const [across, down] = [columns(x, x + width), rows(y, y + height)];
    let sum = 0;
    for (let r = 0; r < side; r++) for (let c = 0; c < side; c++) sum += data[r * side + c]! * down[r]! * across[c]!;
    return sum;
  };
}

/** For pixels [from, to) of an axis of the image: the weight of each patch of the axis in their sum. */
function cumulated(side: number, start: number, length: number, size: number): (from: number, to: number) => number[] {
  const seen = Math.max(1, Math.round(length));
  const weights = resizeWeights(side, seen, { method: 'cubic' });
  const offset = Math.round(start);
  return (from, to) => {
    const out = new Array<number>(side).fill(0);
    const [first, last] = [Math.max(0, Math.trunc(from), offset), Math.min(size, Math.trunc(to), offset + seen)];
    for (let p = first; p < last; p++) for (let c = 0; c < side; c++) out[c]! += weights[(p - offset) * side + c]!;
    return out;
  };
}
