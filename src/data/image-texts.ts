/** What a row of metadata says about an image: captions, class, further fields, whatever the columns are called. */
import { isRecord, parseJson } from '../base/index.ts';
import { textOf } from '../text/index.ts';

/** What is said about one image. */
export type ImageTexts = {
  readonly captions: readonly string[];
  readonly label?: string;
  readonly fields: Readonly<Record<string, string | number | boolean>>;
};

/** Columns taken for captions unless one is named, and for the class; the first that is there counts. */
const captionKeys = ['caption', 'captions', 'text', 'texts', 'sentence', 'sentences', 'description', 'title', 'prompt'];
const labelKeys = ['label', 'class', 'category', 'cls'];

/** Reads a row. `captions`: the column of the captions; `names`: names of numbered classes by column. */
export function textsOfRow(
  row: Readonly<Record<string, unknown>>,
  o: { readonly captions?: string | undefined; readonly names?: Readonly<Record<string, readonly string[]>> } = {},
): ImageTexts {
  const captionKey = o.captions ?? captionKeys.find((k) => textsOf(row[k]).length > 0);
  const fields: Record<string, string | number | boolean> = {};
  for (const [key, value] of Object.entries(row)) {
    const known = o.names?.[key] ? o.names[key][Number(value)] : scalar(value); // -1 means no class
    if (key !== captionKey && known !== undefined && known !== '') fields[key] = known;
  }
  const labelKey = labelKeys.find((k) => fields[k] !== undefined) ?? Object.keys(o.names ?? {})[0];
  const label = labelKey === undefined ? undefined : fields[labelKey];
  return {
    captions: captionKey === undefined ? [] : textsOf(row[captionKey]),
    ...(label === undefined ? {} : { label: String(label) }),
    fields,
  };
}

/** Reads the parts that lie beside an image: `txt` (one caption per line), `json` (a row), `cls` (class name or number). */
export function textsOfParts(
  parts: Readonly<Record<string, Uint8Array>>,
  place: string,
  o: { readonly captions?: string | undefined; readonly classes?: readonly string[] } = {},
): ImageTexts {
  const json = parts['json'] ? parseJson(textOf(parts['json'], `${place}.json`), `${place}.json`) : undefined;
  const said = textsOfRow(isRecord(json) ? json : {}, o);
  const lines =
    parts['txt'] && o.captions === undefined ? textsOf(textOf(parts['txt'], `${place}.txt`).split(/\r\n?|\n/)) : [];
  const cls = parts['cls'] ? textOf(parts['cls'], `${place}.cls`).trim() : '';
  const label = cls === '' ? said.label : (o.classes?.[Number(cls)] ?? cls);
  return {
    captions: [...new Set([...lines, ...said.captions])],
    ...(label === undefined ? {} : { label }),
    fields: said.fields,
  };
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

function scalar(value: unknown): string | number | boolean | undefined {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  const plain = Array.isArray(value) && value.length > 0 && value.every((x) => ['string', 'number'].includes(typeof x));
  return plain ? value.join(', ') : undefined;
}
