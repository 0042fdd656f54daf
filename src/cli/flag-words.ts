/** Errors of the library, which name its options, in the words of the command line. */
import type { Command } from 'commander';
import { BowError } from '../base/index.ts';

/** What the library says of options that are called otherwise here, or that only the library has. */
const phrases: readonly (readonly [RegExp, string])[] = [
  [/\bsegment: "intl"/g, '--segment <locale>'],
  [/set (decodeError) to '(\w+)' or '(\w+)'/g, '--decode-error $2 or $3'],
  [/\bdecodeError: '(\w+)'/g, '--decode-error $1'],
  [/\bngramRange \[(.*?), (.*?)\]/g, '--ngrams $1,$2'],
  [/\bngramRange\b/g, '--ngrams'],
  [/, set maxFinalVocab, or/g, ' or'],
  [/set negative: 5 or hs: 1/g, '--negative 5 or --hs'],
  [/\bset sg: 1/g, 'leave --cbow out'],
  [/'l2', 'l1' or null|'l1', 'l2' or null/g, 'l2, l1 or none'],
];

/**
 * The error with flags where it names options of the command: `minDf` becomes `--min-df`. Names of one word are changed at the start of a
 * message alone, where they stand for a value (`window 0: needs …`); paths of recipes (`data.splitBy`) stay.
 */
export function inFlags(e: BowError, command: Command): BowError {
  const flags = new Map(command.options.map((o) => [o.attributeName(), o.long ?? o.flags]));
  if (flags.has('recipe')) return e; // its keys are settings, and are called so on the command line too
  const said = (text: string): string => {
    let out = text;
    for (const [phrase, words] of phrases) out = out.replace(phrase, words);
    out = out.replace(/(?<![.\w-])[a-z]+[A-Z]\w*(?![\w.(])/g, (name) => flags.get(name) ?? name);
    return out.replace(/^[a-z]+(?= (?:[-\d"[]|NaN|must|needs|is not))/, (name) => flags.get(name) ?? name);
  };
  const place = e.place !== undefined && flags.has(e.place) ? flags.get(e.place) : e.place;
  const what =
    e.place !== undefined && e.message.endsWith(` (at ${e.place})`)
      ? e.message.slice(0, -` (at ${e.place})`.length)
      : e.message;
  return new BowError(e.code, said(what), {
    ...(place === undefined ? {} : { place }),
    detail: e.detail,
    ...(e.hint === undefined ? {} : { hint: said(e.hint) }),
    cause: e,
  });
}
