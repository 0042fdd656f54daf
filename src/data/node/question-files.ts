/** Question sets on disk: JSON, JSON lines and CSV, plain or gzip. */
import { BowError, isRecord, parseJson } from '../../base/index.ts';
import { parseCsv } from '../../text/index.ts';
import { wholeText } from '../../text/node/index.ts';
import {
  type Annotation,
  annotationsOf,
  type QuestionRecord,
  type QuestionRow,
  questionRecords,
} from '../question-sets.ts';

/**
 * The questions of a file. `annotations`: the file with the answers, where they stand apart (VQA v2). Errors `data` with file and place for what cannot be read, for
 * a file without questions, and for questions without answers.
 */
export async function readQuestions(
  path: string,
  o: { readonly annotations?: string | undefined } = {},
): Promise<QuestionRecord[]> {
  const { rows, annotations } = await fileRows(path);
  const apart = o.annotations === undefined ? undefined : await fileRows(o.annotations);
  if (apart && apart.annotations.length === 0)
    throw new BowError('data', 'no annotations: a VQA v2 file has a list of that name', { place: o.annotations! });
  const said: ReadonlyMap<string, Annotation> | undefined =
    apart || annotations.length > 0 ? annotationsOf(apart?.annotations ?? annotations) : undefined;
  if (rows.length === 0)
    throw new BowError('data', 'no questions', {
      place: path,
      hint: 'JSON lines with question, answer, image, for instance',
    });
  return questionRecords(rows, said);
}

type FileRows = { readonly rows: QuestionRow[]; readonly annotations: QuestionRow[] };

async function fileRows(path: string): Promise<FileRows> {
  const text = await wholeText(path);
  if (/\.csv(\.gz)?$/i.test(path))
    return {
      rows: parseCsv(text, path).map(({ line, values }) => ({ place: `${path}:${line}`, value: values })),
      annotations: [],
    };
  const whole = wholeJson(text, path);
  if (whole === undefined) return { rows: lineRows(text, path), annotations: [] };
  const list = (key: string): QuestionRow[] => {
    const found = isRecord(whole) ? whole[key] : undefined;
    return Array.isArray(found) ? found.map((value: unknown, i) => ({ place: `${path}: ${key}[${i}]`, value })) : [];
  };
  if (Array.isArray(whole))
    return { rows: whole.map((value: unknown, i) => ({ place: `${path}[${i}]`, value })), annotations: [] };
  const [rows, annotations] = [list('questions'), list('annotations')];
  return rows.length + annotations.length > 0
    ? { rows, annotations }
    : { rows: [{ place: path, value: whole }], annotations: [] };
}

/** The value of a file that is one JSON text; undefined for JSON lines. */
function wholeJson(text: string, path: string): unknown {
  const start = text.trimStart();
  if (start.startsWith('{') && /\}\s*\n\s*\{/.test(start.slice(0, 1 << 20))) return undefined;
  return parseJson(text, path);
}

function lineRows(text: string, path: string): QuestionRow[] {
  return text
    .split(/\r\n?|\n/)
    .flatMap((line, i) =>
      line.trim() === '' ? [] : [{ place: `${path}:${i + 1}`, value: parseJson(line, path, { line: i + 1 }) }],
    );
}
