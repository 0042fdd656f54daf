import { expect, test } from 'vitest';
import { answerName } from './search-prompt.ts';

test('an answer is named by the words of its query', () => {
  expect(answerName('  A red cube, left of a bowl! ')).toBe('a-red-cube-left-of-a-bowl');
  expect(answerName('?!')).toBe('answer');
  const long = answerName('\u{1d49c}'.repeat(61)); // two code units each: none is cut in two
  expect(long).toBe('\u{1d49c}'.repeat(60));
});
