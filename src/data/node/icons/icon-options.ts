/** What is asked of `renderIcons`, checked before anything is fetched. */
import { BowError, unknownName } from '../../../base/index.ts';
import { iconStyles } from './icon-styles.ts';

/** The share of the things that is held out, unless it is said. */
const HELD_OUT = 0.2;

/** Size, styles and the share of things held out with their defaults. Error `usage` for what cannot be. */
export function checkOptions(o: {
  readonly size?: number | undefined;
  readonly styles?: readonly string[] | undefined;
  readonly validation?: readonly string[] | undefined;
  readonly heldOut?: number | undefined;
}): { size: number; training: readonly string[]; validation: readonly string[]; heldOut: number } {
  const { size = 64, validation = ['emojione-v1'] } = o;
  const all = Object.keys(iconStyles);
  const training = o.styles ?? all.filter((s) => !validation.includes(s));
  if (!Number.isInteger(size) || size < 8 || size > 1024)
    throw new BowError('usage', `a size of ${size} pixels; 8 to 1024 are possible`, { place: '--size' });
  for (const name of [...training, ...validation]) {
    if (!all.includes(name)) throw new BowError('usage', unknownName('style', name, all), { detail: { styles: all } });
  }
  const both = training.find((s) => validation.includes(s));
  if (both !== undefined)
    throw new BowError('usage', `style "${both}" is requested for both training and validation`, { place: '--styles' });
  if (training.length === 0) throw new BowError('usage', 'no style left to train on', { place: '--styles' });
  const heldOut = o.heldOut ?? (validation.length > 0 ? HELD_OUT : 0);
  if (!(heldOut >= 0 && heldOut < 1))
    throw new BowError('usage', `a share of ${heldOut} of the things cannot be held out`, {
      place: '--held-out',
      hint: 'a number from 0 to less than 1',
    });
  if (heldOut > 0 && validation.length === 0)
    throw new BowError('usage', 'things are held out, but no style is there to evaluate them on', {
      place: '--held-out',
      hint: 'name a style with --validation-styles',
    });
  return { size, training, validation, heldOut };
}
