/** How a CLIP checkpoint wants its images, as preprocessor_config.json or open_clip's `preprocess_cfg` say it. */
import { BowError } from '../base/index.ts';
import { type ChannelStatistics, CLIP_MEAN, CLIP_STD, type SquareFit } from '../image/index.ts';

/** Channel statistics, and how an image becomes its square; without `fit` its middle is cut out, as in the paper. */
export type ClipPixels = ChannelStatistics & { readonly fit?: SquareFit };

type Json = Readonly<Record<string, unknown>>;

const object = (x: unknown): Json => (typeof x === 'object' && x !== null ? (x as Json) : {});

function statistics(mean: unknown, std: unknown, place: string): ChannelStatistics {
  if (mean === undefined && std === undefined) return { mean: CLIP_MEAN, std: CLIP_STD };
  const three = (x: unknown): x is number[] =>
    Array.isArray(x) && x.length === 3 && x.every((v) => typeof v === 'number');
  if (three(mean) && three(std) && !std.includes(0)) return { mean, std };
  throw new BowError(
    'checkpoint',
    'mean and deviation of the channels are not three numbers each, the deviations not 0',
    {
      place,
    },
  );
}

function refuse(key: string, value: unknown, known: string, place: string): never {
  throw new BowError('checkpoint', `unknown image preprocessing: ${key} ${JSON.stringify(value)}`, {
    place,
    hint: `known: ${known}; with other pixels than it was trained on the model would see worse`,
  });
}

/** The key must have one of these values, of which the first is what its absence means. */
function oneOf<T>(j: Json, key: string, values: readonly T[], place: string): T {
  const value = j[key] ?? values[0];
  if (values.includes(value as T)) return value as T;
  return refuse(key, value, values.map((v) => JSON.stringify(v)).join(', '), place);
}

/**
 * Reads preprocessor_config.json of a `CLIPImageProcessor`: its defaults are CLIP's. A shorter side that is then cut (`crop`) or a size of two equal
 * sides (`stretch`), by the bicubic filter (PIL's 3); error `checkpoint` for anything else. `fit` is a key of ours, for `pad`, which that class lacks.
 */
export function pixelsFromHuggingFace(json: unknown, place: string): ClipPixels {
  const j = object(json);
  for (const key of ['do_resize', 'do_rescale', 'do_normalize']) oneOf(j, key, [true], place);
  oneOf(j, 'resample', [3], place);
  const found = statistics(j['image_mean'], j['image_std'], place);
  const isCut = oneOf(j, 'do_center_crop', [true, false], place);
  const [size, crop] = [sides(j['size']), isCut ? sides(j['crop_size']) : undefined];
  if (j['fit'] === 'pad') return { ...found, fit: 'pad' };
  if (size?.shorter) {
    if (!isCut) refuse('do_center_crop', false, 'true, where only the shorter side has a size', place);
    if (crop && (crop.width !== size.shorter || crop.height !== size.shorter))
      refuse('crop_size', j['crop_size'], `${size.shorter}, the size of the shorter side`, place);
    return found;
  }
  if (!size) return isCut ? found : refuse('do_center_crop', false, 'true', place);
  if (size.width !== size.height) refuse('size', j['size'], 'squares', place);
  return { ...found, fit: 'stretch' };
}

type Sides = { readonly shorter?: number; readonly width?: unknown; readonly height?: unknown };

/** A size as processors write it: a number, `shortest_edge`, or two sides. */
function sides(x: unknown): Sides | undefined {
  if (typeof x === 'number') return { shorter: x, width: x, height: x };
  const { shortest_edge: shorter, width, height } = object(x);
  if (typeof shorter === 'number') return { shorter };
  return width === undefined && height === undefined ? undefined : { width, height };
}

const openClipFits = { shortest: 'crop', squash: 'stretch', longest: 'pad' } as const;

/** Reads the `preprocess_cfg` of open_clip_config.json; error `checkpoint` for other filters than the bicubic and other margins than white ones. */
export function pixelsFromOpenClip(json: unknown, place: string): ClipPixels {
  const j = object(json);
  oneOf(j, 'mode', ['RGB'], place);
  oneOf(j, 'interpolation', ['bicubic'], place);
  const found = statistics(j['mean'], j['std'], place);
  const fit = openClipFits[oneOf(j, 'resize_mode', ['shortest', 'squash', 'longest'] as const, place)];
  if (fit === 'pad') oneOf({ fill_color: 0, ...j }, 'fill_color', [255], place);
  return fit === 'crop' ? found : { ...found, fit };
}

/** preprocessor_config.json for images of `size` pixels. */
export function pixelsToHuggingFace(p: ClipPixels, size: number): Json {
  const square = { height: size, width: size };
  return {
    image_processor_type: 'CLIPImageProcessor',
    do_resize: true,
    size: p.fit === 'stretch' ? square : { shortest_edge: size },
    resample: 3,
    do_center_crop: p.fit !== 'stretch',
    crop_size: square,
    do_rescale: true,
    do_normalize: true,
    do_convert_rgb: true,
    image_mean: p.mean,
    image_std: p.std,
    ...(p.fit === 'pad' ? { fit: 'pad' } : {}),
  };
}

/** open_clip's `preprocess_cfg`. */
export function pixelsToOpenClip({ mean, std, fit }: ClipPixels): Json {
  if (fit === 'stretch') return { mean, std, resize_mode: 'squash' };
  return fit === 'pad' ? { mean, std, resize_mode: 'longest', fill_color: 255 } : { mean, std };
}
