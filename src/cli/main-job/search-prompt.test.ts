import { expect, test } from 'vitest';
import { answerName, suggestions } from './search-prompt.ts';

test('an answer is named by the words of its query', () => {
  expect(answerName('  A red cube, left of a bowl! ')).toBe('a-red-cube-left-of-a-bowl');
  expect(answerName('?!')).toBe('answer');
  const long = answerName('\u{1d49c}'.repeat(61)); // two code units each: none is cut in two
  expect(long).toBe('\u{1d49c}'.repeat(60));
});

test('suggested queries are captions of the gallery, those first that the search finds', async () => {
  const captions = [['a red cube and a bowl'], ['a ball'], ['a cup']];
  const data = { count: 3, size: 1, images: new Uint8Array(9), captions } as unknown as Parameters<
    typeof suggestions
  >[1];
  const found = (index: number) => ({ find: async () => [{ index, score: 1 }] });
  expect(await suggestions(found(0), data)).toEqual(['a red cube and a bowl', 'a cup']);
  expect(await suggestions(found(1), data)).toEqual(['a ball', 'a cup']);
});
