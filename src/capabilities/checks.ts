/** What a system's methods check before they begin, so that all refuse in the same words. */
import { BowError, unknownName } from '../base/index.ts';
import type { ImageQuestion, Prompt, RgbImage } from './capabilities.ts';

/**
 * Error `usage` for an option that a method does not have: `refuseOptions('vilt.answer', o, ['candidates'])`. `signal` every method has; what is
 * undefined was not given.
 */
export function refuseOptions(place: string, o: object, known: readonly string[]): void {
  const all = ['signal', ...known];
  for (const [name, value] of Object.entries(o)) {
    if (value === undefined || all.includes(name)) continue;
    throw new BowError('usage', unknownName('option', name, all), {
      place,
      hint: `it takes ${all.join(', ')}`,
      detail: { option: name, options: all },
    });
  }
}

/** The image of a question; error `usage` where it has none or several, for systems that look at one. */
export function oneImage(place: string, question: ImageQuestion): RgbImage {
  const [image] = question.images;
  if (image && question.images.length === 1) return image;
  throw new BowError('usage', `it looks at one image a question, not at ${question.images.length}`, { place });
}

/** A prompt as text; error `usage` where images stand in it, for systems that read text only. */
export function onlyText(place: string, prompt: Prompt): string {
  if (typeof prompt === 'string') return prompt;
  return prompt
    .map((part) => {
      if (typeof part === 'string') return part;
      throw new BowError('usage', 'it reads text only; the prompt has an image', { place });
    })
    .join('');
}
