/** Preprocessing as open_clip publishes it: `preprocess_cfg` of open_clip_config.json (open_clip's transform.py, `PreprocessCfg`). */
import { BowError } from '../base/index.ts';
import { CLIP_MEAN, CLIP_STD } from './clip-pixels.ts';
import type { ImageFit, ImagePreprocessing, ImageSize } from './preprocessing.ts';
import { colour, type ReadPreprocessingOptions } from './preprocessing-huggingface.ts';
import { byName, checkStatistics, type Json, jsonObject, refuse, sideLength, wantOneOf } from './preprocessing-keys.ts';

const fits = { shortest: 'crop', squash: 'stretch', longest: 'pad' } as const;
const keys = ['size', 'mode', 'mean', 'std', 'interpolation', 'resize_mode', 'fill_color'];

/**
 * Reads `preprocess_cfg`. Where the model's size is given it decides, as in open_clip. Margins are black where nothing is said. Error `checkpoint`
 * for what is unknown or cannot be obeyed.
 */
export function preprocessingFromOpenClip(
  json: unknown,
  o: Omit<ReadPreprocessingOptions, 'processor'>,
): ImagePreprocessing {
  const { place } = o;
  const j = jsonObject(json);
  const unknown = Object.keys(j).find((k) => !keys.includes(k));
  if (unknown !== undefined) byName(unknown, j[unknown], keys, place);
  wantOneOf(j, 'mode', ['RGB'], place);
  const resample = wantOneOf(j, 'interpolation', ['bicubic', 'bilinear', 'random'] as const, place);
  const fit: ImageFit = fits[wantOneOf(j, 'resize_mode', ['shortest', 'squash', 'longest'] as const, place)];
  const said = sizeOf(j['size'] ?? 224, place);
  const { width, height } = o.size ?? said;
  if (fit === 'crop' && width !== height)
    refuse('size', j['size'] ?? [height, width], 'squares, where the shorter side is resized', place);
  const fill = fit === 'pad' ? colour(j['fill_color'] ?? 0, 'fill_color', place) : undefined;
  return {
    shape: { kind: 'fixed', width, height, fit, ...(fill?.some((v) => v !== 255) ? { fill } : {}) },
    resample: resample === 'bilinear' ? 'bilinear' : 'bicubic', // "random" is for training and means bicubic here
    ...checkStatistics(j['mean'] ?? CLIP_MEAN, j['std'] ?? CLIP_STD, place, ['mean', 'std']),
  };
}

/** A number, or [height, width]. */
function sizeOf(x: unknown, place: string): ImageSize {
  const [height, width] = Array.isArray(x) && x.length === 2 ? x : [x, x];
  return { width: sideLength(width, 'size', place), height: sideLength(height, 'size', place) };
}

/** `preprocess_cfg`. Error `config` for what open_clip cannot say. */
export function preprocessingToOpenClip({ mean, std, shape, resample, rescale }: ImagePreprocessing): Json {
  const refused = (what: string): BowError =>
    new BowError('config', `open_clip's preprocess_cfg has no word for ${what}`, { place: 'preprocessing' });
  if (shape.kind !== 'fixed') throw refused('images that keep their proportions');
  if (shape.resized) throw refused('a cut of another size than the resized image');
  if (rescale !== undefined) throw refused('a factor other than 1/255');
  if (resample !== 'bicubic' && resample !== 'bilinear') throw refused(`the filter "${resample}"`);
  const common = { mean, std, ...(resample === 'bilinear' ? { interpolation: resample } : {}) };
  if (shape.fit === 'crop') return common;
  if (shape.fit === 'stretch') return { ...common, resize_mode: 'squash' };
  const [r, g, b] = shape.fill ?? [255, 255, 255];
  if (shape.fit !== 'pad' || r !== g || g !== b) throw refused(`images fitted by "${shape.fit}" on this colour`);
  return { ...common, resize_mode: 'longest', fill_color: r };
}
