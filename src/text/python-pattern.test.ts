import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { isBowError } from '../base/index.ts';
import { tokenMatcher } from './python-pattern.ts';

/** Recorded from CPython: pattern, text, `re.findall`; and patterns that `re.compile` refuses. */
const recorded = JSON.parse(readFileSync(new URL('./testing/python-patterns.json', import.meta.url), 'utf8')) as {
  cases: [pattern: string, text: string, found: string[]][];
  refused: string[];
};

function refusal(pattern: string | RegExp): string {
  try {
    tokenMatcher(pattern);
  } catch (e) {
    if (isBowError(e) && e.code === 'config') return e.message;
    throw e;
  }
  return 'read';
}

describe('patterns of Python', () => {
  test.each(recorded.cases)('%s', (pattern, text, found) => {
    expect(tokenMatcher(pattern)(text)).toEqual(found);
  });

  test('what Python refuses is refused, with the place', () => {
    for (const p of recorded.refused)
      expect(refusal(p), p).toMatch(/^token pattern: .*\(at tokenPattern, character \d/);
  });

  test.each([
    ['(a)?(?(1)b|c)', 'a conditional group'],
    ['\\N{EM DASH}', 'a character by its name'],
    ['(?i)(a)\\1', 'a reference to a group under the flag i'],
    ['(a)?\\1', 'a reference to a group that may have no match'],
    ['(?:(a)|b)*', 'a group that rounds of a repetition may leave out'],
    ['(a*)+', 'a group that rounds of a repetition may leave out or leave empty'],
    ['(?:|a)*', 'a repetition of what may match nothing before something'],
    ['a*?', 'it matches nothing before it tries to match something'],
    ['|a', 'it matches nothing before it tries to match something'],
    ['(?t)a', 'the flag t'],
    [`${'('.repeat(201)}a${')'.repeat(201)}`, 'groups inside each other'],
  ])('refused by name: %s', (pattern, name) => {
    expect(refusal(pattern)).toContain(name);
  });

  test('a RegExp keeps its meaning; the flag y is refused', () => {
    const sets: string = 'v'; // newer than the target of the compiler
    expect(tokenMatcher(new RegExp('[\\w--\\d]+', sets))('ab12c')).toEqual(['ab', 'c']);
    expect(tokenMatcher(/(?:x)(\w)/)('xa xb')).toEqual(['a', 'b']);
    expect(refusal(/\w/y)).toContain('the flag y');
    expect(refusal(/(\w)(\w)/)).toContain('more than one capturing group');
  });

  test('a long pattern and a long text take time in proportion', () => {
    const words = Array.from({ length: 5000 }, (_, i) => `w${i}`);
    const match = tokenMatcher(`\\b(?:${words.join('|')})\\b`);
    expect(match('w1 w4999 w5000 '.repeat(50))).toHaveLength(100);
    expect(tokenMatcher('\\w*')('a '.repeat(100_000))).toHaveLength(200_001);
  }, 20_000);
});
