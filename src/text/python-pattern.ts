/** Token patterns: a JavaScript `RegExp`, or a Python-style string limited to what has one meaning in both languages. */
import { BowError } from '../base/index.ts';
import { whiteSpace } from './unicode.ts';

const word = '\\p{L}\\p{N}_';
const boundary = `(?:(?<=[${word}])(?![${word}])|(?<![${word}])(?=[${word}]))`;
const outside: Readonly<Record<string, string>> = {
  b: boundary,
  w: `[${word}]`,
  W: `[^${word}]`,
  d: '\\p{Nd}',
  D: '\\P{Nd}',
  s: `[${whiteSpace}]`,
  S: `[^${whiteSpace}]`,
};
const inside: Readonly<Record<string, string>> = { w: word, d: '\\p{Nd}', s: whiteSpace };

/** A refusal with the position, so that a long pattern need not be searched. */
function refuse(pattern: string, at: number, what: string): never {
  throw new BowError('config', `token pattern: ${what}`, {
    place: `tokenPattern, character ${at}`,
    detail: { pattern },
    hint: 'give a RegExp instead of a string',
  });
}

/** A Python pattern as a JavaScript source with the flags it asked for. Error `config` for what is not translated. */
export function translatePython(pattern: string): { source: string; flags: string } {
  let flags = 'gu';
  let out = '';
  let inClass = false;
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i]!;
    if (c === '\\') {
      const next = pattern[++i] ?? refuse(pattern, i, 'ends in a backslash');
      out += escaped(pattern, i, next, inClass);
    } else if (inClass) {
      if (c === ']') inClass = false;
      out += c === '[' ? '\\[' : c;
    } else if (c === '[') {
      inClass = true;
      out += c;
    } else if (c === '(' && pattern[i + 1] === '?') {
      const flag = /^\(\?([ui]+)\)/.exec(pattern.slice(i));
      if (flag && i === 0) {
        if (flag[1]!.includes('i')) flags += 'i';
        i += flag[0].length - 1;
      } else if (/^\(\?(?::|=|!|<=|<!)/.test(pattern.slice(i))) out += c;
      else refuse(pattern, i, 'this kind of group is not translated');
    } else out += c;
  }
  return { source: out, flags };
}

function escaped(pattern: string, at: number, c: string, inClass: boolean): string {
  const known = (inClass ? inside : outside)[c];
  if (known !== undefined) return known;
  if ('tnrfv'.includes(c)) return `\\${c}`;
  if (/[A-Za-z0-9]/.test(c)) return refuse(pattern, at, `\\${c} is not translated`);
  if ('^$\\.*+?()[]{}|/'.includes(c) || (inClass && c === '-')) return `\\${c}`;
  return c;
}

/**
 * The function that a token pattern stands for: all matches, or the group's text where the pattern has exactly one capturing group.
 * Error `config` for two groups or a pattern that cannot be read.
 */
export function tokenMatcher(pattern: RegExp | string): (text: string) => string[] {
  const { source, flags } =
    typeof pattern === 'string'
      ? translatePython(pattern)
      : { source: pattern.source, flags: [...new Set(`${pattern.flags.replace(/[yv]/g, '')}gu`)].join('') };
  let regexp: RegExp;
  let groups: number;
  try {
    regexp = new RegExp(source, flags);
    groups = new RegExp(`${source}|`, flags.replace('g', '')).exec('')!.length - 1;
  } catch (e) {
    throw new BowError('config', `token pattern cannot be read: ${(e as Error).message}`, {
      place: 'tokenPattern',
      cause: e,
    });
  }
  if (groups > 1) {
    throw new BowError('config', 'more than one capturing group in the token pattern', {
      place: 'tokenPattern',
      detail: { groups },
      hint: 'write (?:…) for the groups that are not the token',
    });
  }
  if (groups === 0) return (text) => text.match(regexp) ?? [];
  return (text) => Array.from(text.matchAll(regexp), (m) => m[1] ?? '');
}
