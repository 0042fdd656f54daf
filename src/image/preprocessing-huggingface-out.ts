/** Preprocessing written as Hugging Face's image processors publish it. */
import { BowError } from '../base/index.ts';
import { filters, meanColour } from './huggingface-processors.ts';
import type { ImagePreprocessing, ImageShape, ImageSize } from './preprocessing.ts';
import type { Json } from './preprocessing-keys.ts';

type Fixed = Extract<ImageShape, { kind: 'fixed' }>;

/** preprocessor_config.json, for the classes of {@link preprocessingFromHuggingFace}. Error `config` for what none of them can say. */
export function preprocessingToHuggingFace(p: ImagePreprocessing): Json {
  const resample = filters.indexOf(p.resample);
  const rescale = p.rescale === undefined ? {} : { rescale_factor: p.rescale };
  const numbers = {
    do_rescale: true,
    ...rescale,
    do_normalize: true,
    do_convert_rgb: true,
    image_mean: p.mean,
    image_std: p.std,
  };
  const { shape } = p;
  if (shape.kind === 'fixed') return { ...fixedToHuggingFace(shape, p.mean, resample), ...numbers, ...padKeys(shape) };
  if (shape.longest !== Math.trunc((1333 / 800) * shape.shorter))
    throw unsaid('another longest side than 1333/800 of the shorter');
  return {
    image_processor_type: 'ViltImageProcessor',
    do_resize: true,
    size: { shortest_edge: shape.shorter },
    size_divisor: shape.multiple ?? 1,
    resample,
    do_pad: true,
    ...numbers,
  };
}

const unsaid = (what: string): BowError =>
  new BowError('config', `preprocessor_config.json has no word for ${what}`, { place: 'preprocessing' });

function fixedToHuggingFace(shape: Fixed, mean: readonly number[], resample: number): Json {
  const sides = ({ width, height }: ImageSize): Json => ({ height, width });
  const whole = shape.resized ?? shape;
  const isStretched = shape.fit === 'stretch';
  if (!isStretched && whole.width !== whole.height)
    throw unsaid(`images fitted to ${whole.width}×${whole.height} by "${shape.fit}"`);
  const isPaddedBefore = shape.fit === 'pad-before';
  if (isPaddedBefore && shape.fill?.join() !== meanColour(mean).join())
    throw unsaid('a fill colour that is not the mean');
  return {
    image_processor_type: isPaddedBefore ? 'LlavaImageProcessor' : 'CLIPImageProcessor',
    do_resize: true,
    size: isStretched ? sides(whole) : { shortest_edge: whole.width },
    resample,
    do_center_crop: !isStretched || shape.resized !== undefined,
    crop_size: sides(shape),
    ...(isPaddedBefore ? { do_pad: true } : {}),
  };
}

const padKeys = ({ fit, fill }: Fixed): Json => (fit === 'pad' ? { fit, ...(fill ? { fill } : {}) } : {});
