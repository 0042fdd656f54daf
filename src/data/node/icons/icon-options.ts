/** What is asked of `renderIcons`, checked before anything is fetched. */
import { BowError, unknownName } from '../../../base/index.ts';
import { iconStyles } from './icon-styles.ts';

/** Size and styles with their defaults. Error `usage` for what cannot be. */
export function checkOptions(o: {
  readonly size?: number | undefined;
  readonly styles?: readonly string[] | undefined;
  readonly validation?: readonly string[] | undefined;
}): { size: number; training: readonly string[]; validation: readonly string[] } {
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
  return { size, training, validation };
}
