/**
 * Metrics as JSON lines: one object per line, each with its `step`. A process that is killed leaves at most a torn last line, which readers
 * skip and the next writer cuts off.
 */
import { closeSync, createReadStream, existsSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { BowError, isBowError } from '../../../base/index.ts';
import { fileError, writeFileAtomic } from '../../../base/node/index.ts';

/** One line of a log. Numbers that are not finite are written as the strings "NaN", "Infinity", "-Infinity". */
export type LogRecord = { readonly step: number } & { readonly [key: string]: unknown };

/** An open log. `append` is in the operating system's hands when it returns. */
export type JsonlLog = {
  readonly path: string;
  append(record: LogRecord): void;
  close(): void;
  [Symbol.dispose](): void;
};

/**
 * Opens a log for appending. What is there stays, but for a torn last line. `resumeAt`: the step a run resumes from; lines of later steps
 * are dropped (atomically), since they will be written again. A damaged line elsewhere is a `data` error.
 */
export async function openJsonl(path: string, o: { resumeAt?: number } = {}): Promise<JsonlLog> {
  const limit = o.resumeAt ?? Number.POSITIVE_INFINITY;
  if (existsSync(path)) await keepLines(path, (record) => record.step <= limit);
  let file: number | undefined;
  try {
    mkdirSync(dirname(path), { recursive: true });
    file = openSync(path, 'a');
  } catch (e) {
    throw fileError(e, path);
  }
  const close = (): void => {
    if (file !== undefined) closeSync(file);
    file = undefined;
  };
  return {
    path,
    append: (record) => {
      if (file === undefined) throw new BowError('usage', 'log is closed', { place: path });
      if (!Number.isSafeInteger(record.step)) {
        throw new BowError('usage', `step ${record.step} is not an integer`, { place: path });
      }
      const line = Buffer.from(
        `${JSON.stringify(record, (_, v) => (typeof v === 'number' && !Number.isFinite(v) ? String(v) : v))}\n`,
      );
      for (let at = 0; at < line.length; ) at += writeSync(file, line, at);
    },
    close,
    [Symbol.dispose]: close,
  };
}

/** The records of a log, a torn last line left out; a damaged line elsewhere is a `data` error with its number. */
export async function* readJsonl(path: string): AsyncGenerator<LogRecord> {
  for await (const { record } of lines(path)) if (record) yield record;
}

/** Rewrites the log without the lines that are torn or not wanted; leaves it alone when there are none. */
async function keepLines(path: string, wanted: (record: LogRecord) => boolean): Promise<void> {
  let drop = false;
  for await (const { record } of lines(path)) drop ||= !record || !wanted(record);
  if (!drop) return;
  await writeFileAtomic(path, async (file) => {
    let block = '';
    for await (const { record, text } of lines(path)) {
      if (record && wanted(record)) block += `${text}\n`;
      if (block.length < 1 << 20) continue;
      await file.writeFile(block);
      block = '';
    }
    await file.writeFile(block);
  });
}

/** Longest line that is read, bytes. */
const longest = 64 * 1024 * 1024;

/** Lines with their record; the last comes without one when it is torn, that is, when its line feed is missing. */
async function* lines(path: string): AsyncGenerator<{ text: string; record: LogRecord | undefined }> {
  let number = 0;
  let rest: Buffer<ArrayBufferLike> = Buffer.alloc(0);
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      let start = 0;
      for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
        const text = Buffer.concat([rest, chunk.subarray(start, end)]).toString();
        yield { text, record: parse(text, `${path}:${++number}`) };
        rest = Buffer.alloc(0);
        start = end + 1;
      }
      rest = Buffer.concat([rest, chunk.subarray(start)]);
      if (rest.length > longest) {
        throw new BowError('data', 'a line of more than 64 MiB', { place: `${path}:${number + 1}` });
      }
    }
  } catch (e) {
    throw isBowError(e) ? e : fileError(e, path);
  }
  if (rest.length > 0) yield { text: rest.toString(), record: undefined };
}

function parse(line: string, place: string): LogRecord {
  try {
    const record = JSON.parse(line) as LogRecord | null;
    if (Number.isSafeInteger(record?.step)) return record!;
  } catch {
    // said below
  }
  throw new BowError('data', 'not a line of a log: a JSON object with an integer "step" was expected', { place });
}
