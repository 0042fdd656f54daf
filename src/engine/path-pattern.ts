/** Rules over paths. */
import { badArgument } from './arguments.ts';

/** A rule over paths as a regular expression: `*` is anything within a level, `**` anything at all. */
export function pathPattern(pattern: string): RegExp {
  if (typeof pattern !== 'string') throw badArgument(undefined, 'a pattern of paths must be a string', pattern);
  const escaped = pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replace(/\*\*|\*/g, (m) => (m === '**' ? '.*' : '[^/]*'))}$`);
}
