/** Image processors of transformers 5.18: what the keys of their settings mean when they are absent, and which keys there are. */
import { CLIP_MEAN, CLIP_STD } from './clip-pixels.ts';
import type { Json } from './preprocessing-keys.ts';
import type { ResizeFilter } from './resize.ts';

/** PIL's numbers of filters. */
export const filters: readonly ResizeFilter[] = ['nearest', 'lanczos', 'bilinear', 'bicubic', 'box', 'hamming'];

/** What the keys of a class mean when they are absent. `shorter`: a single number is the shorter side, else both. */
export type Processor = {
  readonly size: Json;
  readonly crop?: number;
  readonly resample: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly shorter?: boolean;
  /** Longest side and multiple follow from the shorter side. */
  readonly proportional?: boolean;
  /** `do_pad` lays an image on a square of its mean colour. */
  readonly padsToSquare?: boolean;
};

const half = [0.5, 0.5, 0.5];
const clip: Processor = {
  size: { shortest_edge: 224 },
  crop: 224,
  resample: 3,
  mean: CLIP_MEAN,
  std: CLIP_STD,
  shorter: true,
};
const vit: Processor = { size: { height: 224, width: 224 }, resample: 2, mean: half, std: half };

/** Classes of transformers 5.18 (`models/…/image_processing_pil_….py`). */
export const processors: Readonly<Record<string, Processor>> = {
  CLIPImageProcessor: clip,
  ChineseCLIPImageProcessor: clip,
  BitImageProcessor: clip,
  LlavaImageProcessor: { ...clip, padsToSquare: true },
  BlipImageProcessor: { size: { height: 384, width: 384 }, resample: 3, mean: CLIP_MEAN, std: CLIP_STD },
  ViTImageProcessor: vit,
  DeiTImageProcessor: { ...vit, size: { height: 256, width: 256 }, crop: 224, resample: 3 },
  SiglipImageProcessor: { ...vit, resample: 3, shorter: true },
  ViltImageProcessor: {
    size: { shortest_edge: 384 },
    resample: 3,
    mean: half,
    std: half,
    shorter: true,
    proportional: true,
  },
};

/** Keys without an effect on the numbers that a model sees. */
export const harmless = [
  'image_processor_type',
  'feature_extractor_type',
  'processor_class',
  '_processor_class',
  'transformers_version',
  'model_input_names',
  'image_seq_length',
  'return_tensors',
  'device',
  'disable_grouping',
  'do_convert_rgb', // decoded images are RGB
  '_valid_processor_keys',
  '_valid_kwargs_names',
];
export const obeyed = [
  'do_resize',
  'size',
  'default_to_square',
  'resample',
  'do_center_crop',
  'crop_size',
  'do_rescale',
  'rescale_factor',
  'do_normalize',
  'image_mean',
  'image_std',
  'do_pad',
  'pad_size',
  'size_divisor',
  'data_format',
  'input_data_format',
  'fit',
  'fill',
];

/** LLaVA's background: int(255 · mean). */
export const meanColour = (mean: readonly number[]): [number, number, number] =>
  mean.map((m) => Math.trunc(m * 255)) as [number, number, number];
