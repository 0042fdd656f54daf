/**
 * Preprocessing as Hugging Face's image processors publish it: preprocessor_config.json, or `image_processor` in processor_config.json (since
 * transformers 5). Every key is obeyed or refused by name; what its absence means depends on the class.
 */
import { BowError } from '../base/index.ts';
import type { ChannelStatistics } from './clip-pixels.ts';
import { filters, harmless, meanColour, obeyed, type Processor, processors } from './huggingface-processors.ts';
import {
  type ImageFit,
  type ImagePreprocessing,
  type ImageShape,
  type ImageSize,
  targetSize,
  withTargetSize,
} from './preprocessing.ts';
import { byName, checkStatistics, type Json, jsonObject, refuse, sideLength, wantOneOf } from './preprocessing-keys.ts';
import type { ResizeFilter } from './resize.ts';

/** What is read, by file name; the parsed JSON, or undefined for a file that is not there. */
export type HuggingFaceFiles = {
  readonly 'preprocessor_config.json'?: unknown;
  readonly 'processor_config.json'?: unknown;
};

export type ReadPreprocessingOptions = {
  /** The folder or repository, for errors. */
  readonly place: string;
  /** What the model takes: the size where the files say none; another one in the files is an error. */
  readonly size?: ImageSize;
  /** The class where the files name none. Default CLIPImageProcessor. */
  readonly processor?: string;
};

/**
 * Reads the settings of an image processor; `image_processor` in processor_config.json comes before preprocessor_config.json, as in transformers.
 * `fit` and `fill` are keys of ours, for padding, which the classes of CLIP lack. Error `checkpoint` for what is unknown or cannot be obeyed.
 */
export function preprocessingFromHuggingFace(files: HuggingFaceFiles, o: ReadPreprocessingOptions): ImagePreprocessing {
  const inner = jsonObject(files['processor_config.json'])['image_processor'];
  const [json, name] =
    inner === undefined || inner === null
      ? [files['preprocessor_config.json'], 'preprocessor_config.json']
      : [inner, 'processor_config.json, image_processor'];
  const place = `${o.place}: ${name}`;
  if (json !== undefined && json !== null && (typeof json !== 'object' || Array.isArray(json)))
    throw new BowError('checkpoint', 'the settings of an image processor are not an object', { place });
  const j = jsonObject(json);
  const known = processorOf(j, o.processor ?? 'CLIPImageProcessor', place);
  checkKeys(j, place);
  const isSized = j['size'] !== undefined || j['crop_size'] !== undefined;
  const read = { shape: shapeOf(j, known, place), resample: filterOf(j, known, place), ...numbersOf(j, known, place) };
  if (!o.size || read.shape.kind !== 'fixed') return read;
  if (!isSized) return withTargetSize(read, o.size);
  const { width, height } = targetSize(read);
  if (width === o.size.width && height === o.size.height) return read;
  throw new BowError(
    'checkpoint',
    `images are prepared for ${width}×${height} pixels, the model takes ${o.size.width}×${o.size.height}`,
    {
      place,
      hint: 'size and crop_size of the images and image_size of the model are of different models',
    },
  );
}

/** The value of a key, or what its absence means; null is a value, as in transformers. */
const said = (j: Json, key: string, absent: unknown): unknown => (key in j ? j[key] : absent);

/** A step that is on or off; null is off. */
function isOn(j: Json, key: string, absent: boolean, place: string): boolean {
  const value = said(j, key, absent) ?? false;
  return typeof value === 'boolean' ? value : refuse(key, value, 'true, false', place);
}

/** Sides that are null are not there. */
const withoutNulls = (j: Json): Json => Object.fromEntries(Object.entries(j).filter(([, value]) => value !== null));

function processorOf(j: Json, fallback: string, place: string): Processor {
  const key = j['image_processor_type'] === undefined ? 'feature_extractor_type' : 'image_processor_type';
  const value = j[key] ?? fallback;
  const name =
    typeof value === 'string' ? value.replace(/(Fast|Pil)$/, '').replace(/FeatureExtractor$/, 'ImageProcessor') : '';
  return Object.hasOwn(processors, name)
    ? processors[name]!
    : refuse(key, value, Object.keys(processors).join(', '), place);
}

/** An unknown step that is switched off changes nothing. */
function checkKeys(j: Json, place: string): void {
  const unknown = Object.keys(j).find((k) => !harmless.includes(k) && !obeyed.includes(k) && j[k] !== false);
  if (unknown !== undefined) byName(unknown, j[unknown], obeyed, place);
  for (const key of ['data_format', 'input_data_format'])
    wantOneOf(j, key, ['channels_first', ...(key === 'data_format' ? [] : ['channels_last'])], place);
}

function filterOf(j: Json, { resample }: Processor, place: string): ResizeFilter {
  const value = said(j, 'resample', resample);
  const filter = typeof value === 'number' ? filters[value] : undefined;
  return filter ?? refuse('resample', value, filters.map((f, i) => `${i} (${f})`).join(', '), place);
}

function numbersOf(j: Json, known: Processor, place: string): Pick<ImagePreprocessing, 'mean' | 'std' | 'rescale'> {
  const stats = isOn(j, 'do_normalize', true, place)
    ? statisticsOf(j, known, place)
    : { mean: [0, 0, 0], std: [1, 1, 1] };
  if (!isOn(j, 'do_rescale', true, place)) return { ...stats, rescale: 1 };
  const factor = said(j, 'rescale_factor', 1 / 255);
  if (typeof factor !== 'number' || !(factor > 0 && factor < Number.POSITIVE_INFINITY))
    return refuse('rescale_factor', factor, 'a number above 0', place);
  return { ...stats, ...(factor === 1 / 255 ? {} : { rescale: factor }) };
}

const statisticsOf = (j: Json, { mean, std }: Processor, place: string): ChannelStatistics =>
  checkStatistics(said(j, 'image_mean', mean), said(j, 'image_std', std), place);

function shapeOf(j: Json, known: Processor, place: string): ImageShape {
  if (!isOn(j, 'do_resize', true, place)) refuse('do_resize', j['do_resize'], 'true', place);
  if ((j['pad_size'] ?? undefined) !== undefined) refuse('pad_size', j['pad_size'], 'no size to pad to', place);
  const toSquare = wantOneOf(j, 'default_to_square', [!known.shorter, Boolean(known.shorter)], place);
  const size = sizeOf(said(j, 'size', known.size), 'size', toSquare, place);
  if (known.proportional) return proportional(j, size, place);
  const isCut = isOn(j, 'do_center_crop', known.crop !== undefined, place);
  const cut = isCut ? sizeOf(said(j, 'crop_size', known.crop ?? null), 'crop_size', true, place) : undefined;
  const shape = { ...fixed(j, size, cut, place), ...padding(j, known, place) };
  const divisor = j['size_divisor'] ?? 1; // without effect in these classes: it must not ask for more
  if (typeof divisor !== 'number' || shape.width % divisor !== 0 || shape.height % divisor !== 0)
    refuse('size_divisor', divisor, `a divisor of ${shape.width} and ${shape.height}`, place);
  return shape;
}

type Sides = { readonly shorter: number } | ImageSize;
type Fixed = Extract<ImageShape, { kind: 'fixed' }>;

/** A size as processors write it: a number, a list [height, width], two sides, or the shorter side. */
function sizeOf(x: unknown, key: string, toSquare: boolean, place: string): Sides {
  const side = (value: unknown, at: string): number => sideLength(value, at, place);
  if (typeof x === 'number') return toSquare ? { width: side(x, key), height: x } : { shorter: side(x, key) };
  if (Array.isArray(x)) {
    if (x.length !== 2) refuse(key, x, 'a list of height and width', place);
    return { height: side(x[0], `${key}[0]`), width: side(x[1], `${key}[1]`) };
  }
  const j = withoutNulls(jsonObject(x));
  const keys = Object.keys(j).sort().join();
  if (keys === 'height,width')
    return { height: side(j['height'], `${key}.height`), width: side(j['width'], `${key}.width`) };
  if (keys === 'shortest_edge' && key === 'size') return { shorter: side(j['shortest_edge'], 'size.shortest_edge') };
  const sides = key === 'size' ? ['height', 'width', 'shortest_edge'] : ['height', 'width'];
  const other = Object.keys(j).find((k) => !sides.includes(k));
  if (other !== undefined) return refuse(`${key}.${other}`, j[other], sides.join(', '), place);
  return refuse(key, x, 'a number, [height, width], height and width, or shortest_edge', place);
}

function fixed(j: Json, size: Sides, cut: Sides | undefined, place: string): Fixed {
  const of = (x: ImageSize): ImageSize => ({ width: x.width, height: x.height });
  const isShorter = 'shorter' in size;
  const whole = isShorter ? { width: size.shorter, height: size.shorter } : of(size);
  const fit: ImageFit = isShorter ? 'crop' : 'stretch';
  if (!cut) {
    if (isShorter && j['fit'] === undefined)
      return refuse(
        'do_center_crop',
        j['do_center_crop'] ?? false,
        'true, where only the shorter side has a size',
        place,
      );
    return { kind: 'fixed', ...whole, fit };
  }
  const part = cut as ImageSize; // crop_size has no shorter side
  if (part.width > whole.width || part.height > whole.height)
    return refuse(
      'crop_size',
      j['crop_size'] ?? part.width,
      `at most ${whole.height}×${whole.width}, the resized size`,
      place,
    );
  const isWhole = part.width === whole.width && part.height === whole.height;
  return { kind: 'fixed', ...of(part), fit, ...(isWhole ? {} : { resized: whole }) };
}

/** `do_pad` fills a batch up where images are of one size anyway; LLaVA's class lays every image on a square of its mean colour. */
function padding(j: Json, known: Processor, place: string): Partial<Fixed> {
  const pads = isOn(j, 'do_pad', false, place);
  const fit = wantOneOf(j, 'fit', [undefined, 'pad'] as const, place);
  if (fit) return { fit, ...(j['fill'] === undefined ? {} : { fill: colour(j['fill'], 'fill', place) }) };
  if (!pads || !known.padsToSquare) return {};
  return { fit: 'pad-before', fill: meanColour(statisticsOf(j, known, place).mean) };
}

/** A colour in bytes: three numbers, or one for all. */
export function colour(x: unknown, key: string, place: string): [number, number, number] {
  const [r, g, b] = Array.isArray(x) && x.length === 3 ? x : [x, x, x];
  const isByte = (v: unknown): v is number => Number.isInteger(v) && Number(v) >= 0 && Number(v) <= 255;
  return isByte(r) && isByte(g) && isByte(b) ? [r, g, b] : refuse(key, x, 'whole numbers from 0 to 255', place);
}

/** ViLT: the longer side is at most 1333/800 of the shorter one, both are multiples of `size_divisor`. */
function proportional(j: Json, size: Sides, place: string): ImageShape {
  if (!('shorter' in size)) return refuse('size', j['size'], 'shortest_edge', place);
  if (!isOn(j, 'do_pad', true, place))
    refuse('do_pad', j['do_pad'], 'true: images of different shapes in one batch', place);
  if (isOn(j, 'do_center_crop', false, place)) refuse('do_center_crop', true, 'false', place);
  const { shorter } = size;
  const longest = Math.trunc((1333 / 800) * shorter);
  return { kind: 'shorter', shorter, longest, multiple: sideLength(j['size_divisor'] ?? 32, 'size_divisor', place) };
}
