/** Texts from disk, one after the other. */
import { type DocumentOptions, readDocuments, type SourceDocument } from '../../text/node/index.ts';
import type { Json } from '../../train/index.ts';
import { textsData } from '../texts.ts';

/** The texts that `data` of the kind `texts` names, read as they are asked for. Errors `data` with file and record for what cannot be read. */
export function readTexts(
  data: Json,
  o: Pick<DocumentOptions, 'signal' | 'onNotice'> = {},
): AsyncGenerator<SourceDocument> {
  const { path, format, field, idField, encoding, decodeError } = textsData.parse(data);
  return readDocuments(path, {
    ...(format === null ? {} : { format }),
    field,
    encoding,
    decodeError,
    ...(idField === null ? {} : { idField }),
    ...o,
  });
}
