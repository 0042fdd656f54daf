/**
 * Questions about images, and statements that are true or false of them, from the layouts in which such sets are published: VQA v2 (questions and
 * annotations), easy-VQA (lists of question, answer, image), NLVR and NLVR2 (sentence, label, identifier), and plain rows.
 */
import { BowError, isRecord } from '../base/index.ts';

/** A question as a file has it. */
export type QuestionRecord = {
  readonly place: string;
  /** Names of its images, as the file has them, in the order in which the text speaks of them. */
  readonly images: readonly string[];
  readonly text: string;
  /** What the annotators answered, at least one answer. A statement's are `true` or `false`. */
  readonly answers: readonly string[];
  /** What is asked for (VQA v2: yes/no, number, other; `statement`). */
  readonly kind?: string;
  /** Numbers or names that pair records with each other (NLVR's sentence before the last hyphen). */
  readonly group?: string;
};

/** A row of a question file, and where it stands. */
export type QuestionRow = { readonly place: string; readonly value: unknown };

const textKeys = ['question', 'sentence', 'statement', 'text'];
const imageKeys = ['images', 'image', 'image_id', 'img_id', 'imageId', 'file_name', 'image_path'];
const kindKeys = ['answer_type', 'question_type', 'kind', 'type'];

/** Rows → records. `answersOf`: by question id, from an annotation file. Errors `data` with the place of what a row lacks. */
export function questionRecords(
  rows: readonly QuestionRow[],
  annotations?: ReadonlyMap<string, Annotation>,
): QuestionRecord[] {
  return rows.map(({ place, value }) => {
    if (Array.isArray(value)) return fromTriple(value, place);
    if (!isRecord(value)) throw new BowError('data', 'a question that is neither an object nor a list', { place });
    return fromRow(value, place, annotations);
  });
}

/** What an annotation file says of a question. */
export type Annotation = { readonly answers: readonly string[]; readonly kind?: string };

/** Annotations by question id, from the rows of `annotations` of a VQA v2 file. Error `data` for one without an id or answers. */
export function annotationsOf(rows: readonly QuestionRow[]): Map<string, Annotation> {
  return new Map(
    rows.map(({ place, value }) => {
      const id = isRecord(value) ? idOf(value['question_id']) : undefined;
      if (!isRecord(value) || id === undefined)
        throw new BowError('data', 'an annotation without question_id', { place });
      const answers = answersOf(value);
      if (answers.length === 0) throw new BowError('data', 'an annotation without answers', { place });
      const kind = first(value, kindKeys);
      return [id, { answers, ...(typeof kind === 'string' ? { kind } : {}) }] as const;
    }),
  );
}

/** easy-VQA: [question, answer, image]. */
function fromTriple(value: readonly unknown[], place: string): QuestionRecord {
  const [text, answer, image] = value;
  const name = idOf(image);
  if (typeof text !== 'string' || typeof answer !== 'string' || name === undefined)
    throw new BowError('data', 'a list that is not [question, answer, image]', { place });
  return { place, text: asked(text, place), answers: [answer], images: [name] };
}

function fromRow(
  row: Readonly<Record<string, unknown>>,
  place: string,
  known?: ReadonlyMap<string, Annotation>,
): QuestionRecord {
  const text = first(row, textKeys);
  if (typeof text !== 'string') throw lacking('a question', textKeys, row, place);
  const id = idOf(row['question_id']);
  const annotation = known && id !== undefined ? known.get(id) : undefined;
  const answers = annotation?.answers ?? answersOf(row);
  if (answers.length === 0)
    throw new BowError('data', 'a question without an answer', {
      place,
      detail: { keys: Object.keys(row) },
      hint: known
        ? `no annotation has its question_id`
        : 'keys: answer, answers, label; VQA v2 has them in an annotation file',
    });
  const statement = answers.every((a) => /^(true|false)$/i.test(a));
  const kind = annotation?.kind ?? first(row, kindKeys) ?? (statement ? 'statement' : undefined);
  return {
    place,
    text: asked(text, place),
    answers: statement ? answers.map((a) => a.toLowerCase()) : answers,
    images: imagesOf(row, place),
    ...(typeof kind === 'string' ? { kind } : {}),
    ...(typeof row['identifier'] === 'string' ? { group: row['identifier'].replace(/-\d+$/, '') } : {}),
  };
}

function asked(text: string, place: string): string {
  if (text.trim() === '') throw new BowError('data', 'an empty question', { place });
  return text.trim();
}

function answersOf(row: Readonly<Record<string, unknown>>): string[] {
  const given = row['answers'] ?? row['answer'] ?? row['label'] ?? row['multiple_choice_answer'];
  const list: readonly unknown[] = Array.isArray(given) ? given : given === undefined || given === null ? [] : [given];
  return list.flatMap((a) => {
    const text: unknown = isRecord(a) ? a['answer'] : a;
    if (typeof text === 'number' || typeof text === 'boolean') return [String(text)];
    return typeof text === 'string' && text.trim() !== '' ? [text.trim()] : [];
  });
}

/** Named outright, by two sides, or by NLVR2's identifier, whose images end in -img0 and -img1. */
function imagesOf(row: Readonly<Record<string, unknown>>, place: string): string[] {
  const given = first(row, imageKeys);
  const sides = [row['left_image'] ?? row['left'], row['right_image'] ?? row['right']].map(idOf);
  const list = Array.isArray(given) ? given.map(idOf) : given !== undefined ? [idOf(given)] : sides;
  if (list.length > 0 && list.every((name) => name !== undefined)) return list as string[];
  const identifier = row['identifier'];
  if (typeof identifier === 'string') {
    const pair = identifier.replace(/-\d+$/, '');
    return [`${pair}-img0`, `${pair}-img1`];
  }
  throw lacking('an image', [...imageKeys, 'left and right', 'identifier'], row, place);
}

const idOf = (x: unknown): string | undefined =>
  typeof x === 'number' || typeof x === 'bigint' ? String(x) : typeof x === 'string' && x !== '' ? x : undefined;

function first(row: Readonly<Record<string, unknown>>, keys: readonly string[]): unknown {
  const key = keys.find((k) => row[k] !== undefined && row[k] !== null);
  return key === undefined ? undefined : row[key];
}

function lacking(
  what: string,
  keys: readonly string[],
  row: Readonly<Record<string, unknown>>,
  place: string,
): BowError {
  return new BowError('data', `a row without ${what}`, {
    place,
    detail: { keys: Object.keys(row) },
    hint: `keys: ${keys.join(', ')}`,
  });
}

/**
 * Finds images by the names that question files give them: the id itself, without its ending or its folders, or the number at the end of COCO's
 * names (`COCO_val2014_000000262148`). A name that fits several images fits none.
 */
export function imageFinder(ids: readonly string[]): (name: string) => number | undefined {
  const exact = new Map(ids.map((id, i) => [id, i]));
  const loose = new Map<string, number>();
  const add = (key: string, i: number): void => void loose.set(key, loose.has(key) && loose.get(key) !== i ? -1 : i);
  ids.forEach((id, i) => {
    for (const key of new Set([stemOf(id), baseOf(id), baseOf(stemOf(id)), numberOf(id)]))
      if (key !== undefined) add(key, i);
  });
  return (name) => {
    const hit = exact.get(name) ?? loose.get(name) ?? loose.get(stemOf(name)) ?? loose.get(baseOf(stemOf(name)));
    return hit === undefined || hit < 0 ? undefined : hit;
  };
}

const stemOf = (id: string): string => id.replace(/\.(jpe?g|png|webp|gif|bmp|tiff?)$/i, '');
const baseOf = (id: string): string => id.replace(/^.*[\\/]/, '');

/** The number that ends a COCO name, without its zeros. */
function numberOf(id: string): string | undefined {
  const digits = /_(\d{12})$/.exec(stemOf(id))?.[1];
  return digits === undefined ? undefined : digits.replace(/^0+(?=\d)/, '');
}
