/** Collections of texts as commands name them: what systems of words learn from, a text at a time and without end in memory. */
import { z } from 'zod';
import { BowError } from '../base/index.ts';
import type { Json, JsonTree } from '../train/index.ts';
import { flagText } from './flags.ts';
import type { DataInput, Flag, FlagValues } from './kind.ts';

const formats = ['folder', 'json', 'jsonl', 'csv', 'tsv', 'lines'] as const;
const decodeErrors = ['strict', 'replace', 'ignore'] as const;

/** The key `data`, as {@link texts} writes it. */
export const textsData: z.ZodType<TextsData> = z.strictObject({
  /** A file, a folder, or - for standard input. */
  path: z.string().min(1),
  format: z.enum(formats).nullable().default(null),
  /** Field or column of the text in JSON and CSV. */
  field: z.string().min(1).default('text'),
  idField: z.string().min(1).nullable().default(null),
  /** Encoding of the bytes, as the web names it. */
  encoding: z.string().min(1).default('utf-8'),
  /** What becomes of bytes that the encoding does not know. */
  decodeError: z.enum(decodeErrors).default('strict'),
});

/** A collection of texts. */
export type TextsData = {
  readonly path: string;
  readonly format: (typeof formats)[number] | null;
  readonly field: string;
  readonly idField: string | null;
  readonly encoding: string;
  readonly decodeError: (typeof decodeErrors)[number];
};

/** Flags on how a collection is read. */
export const textFlags: readonly Flag[] = [
  { flags: '--format <name>', description: `${formats.slice(0, -1).join(', ')} or lines (default: by the name)` },
  { flags: '--field <name>', description: 'field or column of the text in JSON and CSV', default: 'text' },
  {
    flags: '--encoding <name>',
    description: 'of the bytes, such as windows-1252 or shift_jis; a byte order mark counts more',
    default: 'utf-8',
  },
  {
    flags: '--decode-error <name>',
    description: 'bytes that the encoding does not know: strict, replace or ignore',
    default: 'strict',
  },
];

/** The flag of the texts' ids, for what says something of each text. */
export const idFlag: Flag = { flags: '--id-field <name>', description: 'field or column of the id' };

/** How a collection is read, of {@link textFlags}. Error `usage` for an unknown format. */
export function textOptions(f: FlagValues): Omit<TextsData, 'path'> {
  const format = formats.find((k) => k === f['format']);
  if (f['format'] !== undefined && !format)
    throw new BowError('usage', `unknown format "${String(f['format'])}"`, { hint: formats.join(', ') });
  const decodeError = decodeErrors.find((k) => k === (f['decodeError'] ?? 'strict'));
  if (!decodeError)
    throw new BowError('usage', `unknown --decode-error "${String(f['decodeError'])}"`, {
      hint: decodeErrors.join(', '),
    });
  return {
    format: format ?? null,
    field: flagText(f, 'field') ?? 'text',
    idField: flagText(f, 'idField') ?? null,
    encoding: flagText(f, 'encoding') ?? 'utf-8',
    decodeError,
  };
}

/** Texts of one's own. */
export const texts: DataInput = {
  id: 'texts',
  title: 'texts',
  schema: textsData as z.ZodType<Json>,
  flags: [
    {
      flags: '<corpus>',
      description:
        'one sentence per line (plain or gzip), a folder, JSON or CSV, or - for standard input; words are separated by blanks',
    },
    ...textFlags,
  ],
  example: 'corpus.txt',
  fromFlags: (f) => {
    const data: JsonTree = { path: flagText(f, 'corpus') ?? '-', ...textOptions(f) };
    return { data };
  },
};
