/** What a row of metadata says about an image: captions, class, further fields, whatever the columns are called. */
import { BowError, isRecord, parseJson } from '../base/index.ts';
import { textOf } from '../text/index.ts';

/** What is said about one image. */
export type ImageTexts = {
  readonly captions: readonly string[];
  readonly label?: string;
  readonly fields: Readonly<Record<string, string | number | boolean>>;
};

/** Columns taken for captions unless one is named, and for the class, in letters of either case; the first that is there counts. */
const captionKeys = [
  ...['caption', 'captions', 'text', 'texts', 'sentence', 'sentences', 'sentences_raw', 'raw', 'alt_text'],
  ...['description', 'title', 'prompt', 'comment'],
];
const labelKeys = ['label', 'class', 'category', 'cls'];

/** Reads a row. `captions`: the column of the captions; `names`: names of numbered classes by column. */
export function textsOfRow(
  row: Readonly<Record<string, unknown>>,
  o: { readonly captions?: string | undefined; readonly names?: Readonly<Record<string, readonly string[]>> } = {},
): ImageTexts {
  const captionKey = o.captions ?? firstOf(captionKeys, row, (v) => textsOf(v).length > 0);
  const fields: Record<string, string | number | boolean> = {};
  for (const [key, value] of Object.entries(row)) {
    const known = scalar(className(value, o.names?.[key]));
    if (key !== captionKey && known !== undefined && known !== '') fields[key] = known;
  }
  const isOne = (key: string): boolean => !Array.isArray(row[key]) || row[key].length === 1; // several classes are none
  const labelKey = firstOf(labelKeys, fields, (_, key) => isOne(key)) ?? Object.keys(o.names ?? {}).find(isOne);
  const label = labelKey === undefined ? undefined : fields[labelKey];
  return {
    captions: captionKey === undefined ? [] : textsOf(row[captionKey]),
    ...(label === undefined ? {} : { label: String(label) }),
    fields,
  };
}

/** The first of some names, in letters of either case, whose value counts. */
function firstOf(
  names: readonly string[],
  row: Readonly<Record<string, unknown>>,
  counts: (value: unknown, key: string) => boolean,
): string | undefined {
  const keys = Object.keys(row).filter((k) => names.includes(k.toLowerCase()) && counts(row[k], k));
  const rank = (k: string): number => 2 * names.indexOf(k.toLowerCase()) + (names.includes(k) ? 0 : 1);
  return keys.sort((a, b) => rank(a) - rank(b))[0];
}

/** Parts of captions, one a line. */
export const lineParts: readonly string[] = ['txt', 'text', 'caption'];

/**
 * Reads the parts that lie beside an image: `txt`, `text` and `caption` (one caption per line), `json` (a row, or captions), `cls` (class name or
 * number). Error `data` for what cannot be read.
 */
export function textsOfParts(
  parts: Readonly<Record<string, Uint8Array>>,
  place: string,
  o: { readonly captions?: string | undefined; readonly classes?: readonly string[] } = {},
): ImageTexts {
  const json = parts['json'] ? parseJson(textOf(parts['json'], `${place}.json`), `${place}.json`) : undefined;
  const alone = isRecord(json) ? [] : textsOf(json);
  if (json !== undefined && !isRecord(json) && alone.length === 0)
    throw new BowError('data', 'neither an object nor captions', { place: `${place}.json` });
  const said = textsOfRow(isRecord(json) ? json : {}, o);
  const lines = lineParts.flatMap((part) =>
    parts[part] && o.captions === undefined ? textsOf(textOf(parts[part], `${place}.${part}`).split(/\r\n?|\n/)) : [],
  );
  const cls = parts['cls'] ? textOf(parts['cls'], `${place}.cls`).trim() : '';
  const label = cls === '' ? said.label : (o.classes?.[Number(cls)] ?? cls);
  return {
    captions: [...new Set([...lines, ...alone, ...said.captions])],
    ...(label === undefined ? {} : { label }),
    fields: said.fields,
  };
}

/** True for a text of box coordinates, a class number and at least four numbers a line, as YOLO's tools put beside an image. */
export function looksLikeBoxes(text: string): boolean {
  const lines = text.split(/\r\n?|\n/).filter((l) => l.trim() !== '');
  return lines.length > 0 && lines.every((l) => /^\s*\d+(\s+-?(\d+(\.\d*)?|\.\d+)(e-?\d+)?){4,}\s*$/i.test(l));
}

/** The texts of a value: text, a list of texts, or a list of objects that hold one. Empty ones and repetitions are left out. */
export function textsOf(value: unknown): string[] {
  const list = Array.isArray(value) ? value : [value];
  const texts = list.map((x) => {
    const inner: Record<string, unknown> = typeof x === 'object' && x !== null ? { ...x } : { raw: x };
    const text = inner['raw'] ?? inner['caption'] ?? inner['text'];
    return typeof text === 'string' ? text.trim() : '';
  });
  return [...new Set(texts.filter((t) => t !== ''))];
}

/** The name of a numbered class, or the names of several; undefined for −1, which stands for none; what is no such number stays as it is. */
function className(value: unknown, names: readonly string[] | undefined): unknown {
  if (!names) return value;
  if (Array.isArray(value)) return value.map((v) => className(v, names)).filter((v) => v !== undefined);
  if (!['number', 'bigint', 'string'].includes(typeof value) || value === '') return value;
  return Number(value) === -1 ? undefined : (names[Number(value)] ?? value);
}

function scalar(value: unknown): string | number | boolean | undefined {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  const kinds = ['string', 'number', 'bigint'];
  const plain = Array.isArray(value) && value.length > 0 && value.every((x) => kinds.includes(typeof x));
  return plain ? value.join(', ') : undefined;
}
