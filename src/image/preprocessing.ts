/**
 * How images become what a model sees: one description for systems, data and published files, and the only code that follows it. Resizing is
 * Pillow's (resize.ts), to the last bit.
 */
import { BowError } from '../base/index.ts';
import { type ChannelStatistics, CLIP_MEAN, CLIP_STD, normalizeChannels } from './clip-pixels.ts';
import { cutResized, type Pixels, type ResizeFilter, resizePixels } from './resize.ts';

export type ImageSize = { readonly width: number; readonly height: number };

/**
 * How an image of any shape fills a fixed one. `crop`: it is resized to cover the shape, the middle is cut out (CLIP; of two possible middles the
 * upper left one, as in Hugging Face's processors) · `pad`: resized to fit inside, centred on the fill colour · `pad-before`: centred on the fill
 * colour first, then resized (LLaVA) · `stretch`: resized to the shape, whatever its own.
 */
export type ImageFit = 'crop' | 'pad' | 'pad-before' | 'stretch';

/**
 * The shape of what a model sees. `fixed`: the same for every image; `fill` is the colour beside a padded image, default white; with `resized` an
 * image is fitted to that larger size, and the middle of it is what the model sees. `shorter`: every image keeps its proportions; its shorter side gets `shorter` pixels, or fewer where the longer one would exceed `longest`, and both are cut down
 * to a multiple (ViLT, Kim et al. 2021, §4.1: 384, 639, 32).
 */
export type ImageShape =
  | (ImageSize & {
      readonly kind: 'fixed';
      readonly fit: ImageFit;
      readonly fill?: readonly [number, number, number] | undefined;
      readonly resized?: ImageSize | undefined;
    })
  | {
      readonly kind: 'shorter';
      readonly shorter: number;
      readonly longest?: number | undefined;
      readonly multiple?: number | undefined;
    };

type FixedShape = Extract<ImageShape, { kind: 'fixed' }>;
type ProportionalShape = Extract<ImageShape, { kind: 'shorter' }>;

/** Which pixels a model sees. */
export type ImageGeometry = { readonly shape: ImageShape; readonly resample: ResizeFilter };

/** Which pixels a model sees, and as which numbers. */
export type ImagePreprocessing = ImageGeometry & ChannelStatistics;

/** An image of its target size. `fitted`: the geometry that it was made by (`geometryKey`); such an image is not fitted again. */
export type FittedImage = ImageSize & { readonly data: Uint8Array; readonly fitted: string };

/** An image to prepare: raw, or fitted before. */
export type ImageInput = Pixels & { readonly fitted?: string | undefined };

/** Squares of `size` pixels by the bicubic filter. */
export function squareGeometry(size: number, fit: ImageFit = 'crop'): ImageGeometry {
  return { shape: { kind: 'fixed', width: size, height: size, fit }, resample: 'bicubic' };
}

/** CLIP's: the middle square by the bicubic filter, and the channel statistics of its training images (OpenAI's clip.py). */
export function clipPreprocessing(size: number, fit: ImageFit = 'crop'): ImagePreprocessing {
  return { ...squareGeometry(size, fit), mean: CLIP_MEAN, std: CLIP_STD };
}

/** Equal for equal geometries: a key for caches, and the mark of fitted images. */
export function geometryKey({ shape, resample }: ImageGeometry): string {
  if (shape.kind === 'shorter')
    return ['shorter', shape.shorter, shape.longest ?? '', shape.multiple ?? 1, resample].join(' ');
  const { width, height, fit, fill = WHITE, resized } = shape;
  const isPadded = fit === 'pad' || fit === 'pad-before';
  const larger = resized ? ['of', resized.width, resized.height] : [];
  return [width, height, ...larger, fit, ...(isPadded ? fill : []), resample].join(' ');
}

const WHITE = [255, 255, 255] as const;

/** The size of what a model sees of an image of this size; for fixed shapes the image does not matter and may be left out. */
export function targetSize({ shape }: ImageGeometry, image?: ImageSize): ImageSize {
  if (shape.kind === 'fixed') return { width: shape.width, height: shape.height };
  if (image) return keptProportions(shape, image);
  throw new BowError('config', 'images keep their proportions here: there is no one size', {
    hint: 'a preprocessing whose shape is fixed',
  });
}

/** As ViLT's `get_resize_output_image_size`. DIFFERS: at least one multiple a side, where very long images would have none. */
function keptProportions(shape: ProportionalShape, { width, height }: ImageSize): ImageSize {
  const { shorter, longest = Number.POSITIVE_INFINITY, multiple = 1 } = shape;
  const scale = shorter / Math.min(width, height);
  const sides = height < width ? [scale * width, shorter] : [shorter, scale * height];
  const less = Math.max(...sides) > longest ? longest / Math.max(...sides) : 1;
  const whole = (x: number): number => Math.max(1, Math.floor(Math.floor(less * x + 0.5) / multiple)) * multiple;
  return { width: whole(sides[0]!), height: whole(sides[1]!) };
}

/** The pixels that a model sees of an image: RGB bytes of the target size. Error `shape` for data that do not fill the image. */
export function fitImage(image: ImageInput, g: ImageGeometry): FittedImage {
  const fitted = geometryKey(g);
  checkImage(image);
  if (image.fitted === fitted) return { ...bytesOf(image), fitted };
  const target = targetSize(g, image);
  const [from, to] = g.shape.kind === 'fixed' ? placed(image, g.shape, g.resample) : [image, target];
  return { ...target, data: cutResized(from, to, target, g.resample), fitted };
}

/** What is resized, and to which size, before the middle is cut out. */
function placed(image: Pixels, shape: FixedShape, filter: ResizeFilter): readonly [Pixels, ImageSize] {
  const whole = shape.resized ?? shape;
  switch (shape.fit) {
    case 'crop':
      return [image, covering(whole, image)];
    case 'stretch':
      return [image, whole];
    case 'pad-before':
      return [centred(image, around(whole, image), shape.fill), whole];
    case 'pad':
      return [centred(resizePixels(image, inside(whole, image), { filter }), whole, shape.fill), whole];
  }
}

const bytesOf = ({ width, height, data }: Pixels): ImageSize & { data: Uint8Array } => ({
  width,
  height,
  data: data instanceof Uint8Array ? data : new Uint8Array(data),
});

function checkImage({ width, height, data }: Pixels): void {
  if (width >= 1 && height >= 1 && data.length === 3 * width * height) return;
  throw new BowError('shape', `an image of ${width}×${height} with ${data.length} values`, {
    hint: 'three bytes a pixel: red, green, blue',
  });
}

/** The smallest size of the image's proportions that covers the shape; the longer side is truncated to whole pixels. */
function covering(shape: ImageSize, { width, height }: ImageSize): ImageSize {
  if (shape.width * height >= shape.height * width)
    return { width: shape.width, height: Math.trunc((shape.width * height) / width) };
  return { width: Math.trunc((shape.height * width) / height), height: shape.height };
}

/** The largest size of the image's proportions inside the shape. */
function inside(shape: ImageSize, { width, height }: ImageSize): ImageSize {
  const scale = Math.min(shape.width / width, shape.height / height);
  const whole = (x: number): number => Math.max(1, Math.round(x * scale));
  return { width: whole(width), height: whole(height) };
}

/** The smallest size of the shape's proportions that holds the image. */
function around(shape: ImageSize, { width, height }: ImageSize): ImageSize {
  const scale = Math.max(width / shape.width, height / shape.height);
  return {
    width: Math.max(width, Math.round(shape.width * scale)),
    height: Math.max(height, Math.round(shape.height * scale)),
  };
}

function centred(p: Pixels, { width, height }: ImageSize, fill: readonly number[] = WHITE): Pixels {
  if (p.width === width && p.height === height) return p;
  const data = new Uint8Array(3 * width * height);
  for (let i = 0; i < data.length; i++) data[i] = fill[i % 3]!;
  const [left, top] = [Math.floor((width - p.width) / 2), Math.floor((height - p.height) / 2)];
  for (let y = 0; y < p.height; y++)
    data.set(p.data.subarray(3 * y * p.width, 3 * (y + 1) * p.width), 3 * ((top + y) * width + left));
  return { width, height, data };
}

/** A batch as a model takes it. */
export type ImageBatch = {
  /** [b, 3, y, x]: y and x of the largest image where shapes vary. */
  readonly shape: readonly [number, 3, number, number];
  readonly data: Float32Array;
  /** Of every image before padding. */
  readonly sizes: readonly ImageSize[];
  /** [b, y, x], 1 where an image has a pixel, 0 beside it; only where shapes vary. */
  readonly mask?: Int32Array;
};

/**
 * Images, fitted and normalised, channels first. Where shapes vary, images are filled up with zeros to the right and below, after normalisation.
 * Error `shape` for data that do not fill an image.
 */
export function imageBatch(images: readonly ImageInput[], p: ImagePreprocessing): ImageBatch {
  const varies = p.shape.kind === 'shorter';
  const seen = images.map((image) => fitImage(image, p));
  const most = (side: 'width' | 'height'): number => seen.reduce((m, s) => Math.max(m, s[side]), 0);
  const { width, height } = varies ? { width: most('width'), height: most('height') } : targetSize(p);
  const [plane, each] = [width * height, 3 * width * height];
  const data = new Float32Array(images.length * each);
  seen.forEach((s, i) => normalizeChannels(s.data, data, i * each, p, { from: s.width, to: width, plane }));
  const sizes = seen.map((s) => ({ width: s.width, height: s.height }));
  const batch = { shape: [images.length, 3, height, width] as const, data, sizes };
  return varies ? { ...batch, mask: maskOf(sizes, width, height) } : batch;
}

function maskOf(sizes: readonly ImageSize[], width: number, height: number): Int32Array {
  const mask = new Int32Array(sizes.length * width * height);
  sizes.forEach((s, i) => {
    for (let y = 0; y < s.height; y++) {
      const row = (i * height + y) * width;
      mask.fill(1, row, row + s.width);
    }
  });
  return mask;
}

/**
 * The same preprocessing for a model that sees images of another size: what lies between the resized and the cut size keeps its share. Error
 * `config` unless the shape is fixed.
 */
export function withTargetSize(p: ImagePreprocessing, size: ImageSize): ImagePreprocessing {
  const { width, height } = targetSize(p);
  if (p.shape.kind !== 'fixed') return p;
  const { resized } = p.shape;
  const scaled = resized && {
    width: Math.round((resized.width * size.width) / width),
    height: Math.round((resized.height * size.height) / height),
  };
  const { width: w, height: h } = size;
  return { ...p, shape: { ...p.shape, width: w, height: h, ...(scaled ? { resized: scaled } : {}) } };
}
