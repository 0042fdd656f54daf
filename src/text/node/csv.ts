/** CSV and TSV as RFC 4180 has them: quoted fields may hold separators, line ends and doubled quotes. Streaming. */
import { BowError } from '../../base/index.ts';

/** Records of a stream of bytes. Errors `data`: a quote that is never closed, text that is not UTF-8. */
export async function* parseCsv(
  chunks: AsyncIterable<Uint8Array>,
  separator: string,
  place: string,
): AsyncGenerator<string[]> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let row: string[] = [];
  let field = '';
  let quoted = false; // inside quotes
  let closing = false; // a quote inside quotes: its twin may follow
  let any = false;
  const feed = (text: string): string[][] => {
    const done: string[][] = [];
    for (const c of text) {
      if (quoted && !closing) {
        if (c === '"') closing = true;
        else field += c;
        continue;
      }
      if (closing && c === '"') {
        field += '"';
        closing = false;
        continue;
      }
      if (closing) [quoted, closing] = [false, false];
      if (c === '"' && field === '') quoted = true;
      else if (c === separator) {
        row.push(field);
        field = '';
        any = true;
      } else if (c === '\n') {
        if (any || field !== '') done.push([...row, field]);
        [row, field, any] = [[], '', false];
      } else if (c !== '\r') field += c;
    }
    return done;
  };
  try {
    for await (const chunk of chunks) yield* feed(decoder.decode(chunk, { stream: true }));
    yield* feed(decoder.decode());
  } catch (e) {
    if (e instanceof TypeError) throw new BowError('data', 'text is not UTF-8', { place, cause: e });
    throw e;
  }
  if (quoted && !closing) throw new BowError('data', 'a quoted field is never closed', { place });
  if (any || field !== '') yield [...row, field];
}
