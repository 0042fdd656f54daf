/** File name patterns as the Hugging Face libraries read them: `fnmatch`, where `*` also crosses folders, and `folder/` means all in it. */
import { BowError } from '../base/index.ts';

/** A test for paths: in one of `include` (all, when absent) and in none of `exclude`. */
export function pathFilter(o: {
  include?: readonly string[] | undefined;
  exclude?: readonly string[] | undefined;
}): (path: string) => boolean {
  const include = o.include?.map(toRegExp);
  const exclude = (o.exclude ?? []).map(toRegExp);
  return (path) => (include?.some((r) => r.test(path)) ?? true) && !exclude.some((r) => r.test(path));
}

function toRegExp(pattern: string): RegExp {
  const text = pattern.endsWith('/') ? `${pattern}*` : pattern;
  const parts = text.match(/\*+|\?|\[!?\]?[^\]]*\]|./gs) ?? [];
  const source = parts.map((p) => {
    if (p.startsWith('*')) return '.*';
    if (p === '?') return '.';
    if (p.length > 1 && p.startsWith('[')) return set(p.slice(1, -1));
    return p.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  });
  try {
    return new RegExp(`^${source.join('')}$`, 's');
  } catch (e) {
    throw new BowError('usage', `not a file name pattern: ${JSON.stringify(pattern)}`, { cause: e });
  }
}

/** `[abc]`, `[a-z]`, `[!abc]`. */
function set(inside: string): string {
  const body = inside.replace(/[\\\]^]/g, '\\$&');
  return body.startsWith('!') ? `[^${body.slice(1)}]` : `[${body}]`;
}
