import { expect, test } from 'vitest';
import { can, type ImageQuestion, oneImage, onlyText, refuseOptions } from './index.ts';

const image = { width: 1, height: 1, data: Uint8Array.of(1, 2, 3) };

test('an option that a system lacks is refused by its name, with the nearest', () => {
  refuseOptions('vilt.answer', { signal: new AbortController().signal, candidates: ['yes'], beams: undefined }, [
    'candidates',
  ]);
  expect(() => refuseOptions('vilt.answer', { candidate: ['yes'] }, ['candidates'])).toThrow(
    expect.objectContaining({
      code: 'usage',
      place: 'vilt.answer',
      message: expect.stringMatching(/"candidate".*"candidates"/),
      detail: { option: 'candidate', options: ['signal', 'candidates'] },
    }),
  );
});

test('one image a question, text only', () => {
  const asked = (images: ImageQuestion['images']): ImageQuestion => ({ text: 'what is it?', images });
  expect(oneImage('x.answer', asked([image]))).toBe(image);
  expect(() => oneImage('x.answer', asked([]))).toThrow(/not at 0/);
  expect(() => oneImage('x.answer', asked([image, image]))).toThrow(/not at 2/);
  expect(onlyText('x.complete', ['a red ', 'cube'])).toBe('a red cube');
  expect(() => onlyText('x.complete', ['this: ', image])).toThrow(/has an image/);
});

test('a capability is a method', () => {
  const system = { id: 'x', close: async () => {}, plan: async () => ({ next: async () => 'done' as const }) };
  expect([can(system, 'plan'), can(system, 'act')]).toEqual([true, false]);
});
