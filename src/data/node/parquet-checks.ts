/**
 * Counts and sizes in Parquet files are compared with the bytes that are there before anything is made by them: hyparquet takes them on trust, and
 * a few changed bytes could keep it busy for hours or fill the memory. Layout: https://github.com/apache/parquet-format.
 */
import type { ColumnMetaData, FileMetaData, PageHeader, SchemaTree } from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';
import { deltaBinaryUnpack } from 'hyparquet/src/delta.js';

/** What a page's bytes are read by. */
export type CheckedColumn = {
  readonly meta: ColumnMetaData;
  /** Where the chunk lies in the file. */
  readonly start: number;
  readonly end: number;
  readonly maxRepetition: number;
  readonly maxDefinition: number;
  readonly nested: boolean;
  readonly typeLength: number;
};

/** A page of a chunk: its header, and where its compressed bytes begin in the chunk. */
export type Page = { readonly header: PageHeader; readonly at: number };

/** A row takes no space where all its values repeat those before, but files without data are no data sets. */
const mostForBytes = (bytes: number): number => 2 ** 20 + 8 * bytes;
/** Deflate packs at most 1032 bytes in one; pages are a mebibyte by most writers' default. */
const mostUnpacked = (bytes: number): number => 2 ** 26 + 1100 * bytes;

/** The columns of each row group, once rows, values and places are plausible; throws an `Error` with the reason. */
export function checkedGroups(metadata: FileMetaData, schema: SchemaTree, bytes: number): CheckedColumn[][] {
  let total = 0;
  return metadata.row_groups.map((group, g) => {
    const rows = Number(group.num_rows);
    const columns = group.columns.map((chunk) => {
      if (!chunk.meta_data) throw new Error(`row group ${g} has a column without metadata`);
      return checkedColumn(chunk.meta_data, schema, bytes);
    });
    const size = columns.reduce((sum, c) => sum + c.end - c.start, 0);
    total += size;
    if (!(rows >= 0 && rows <= mostForBytes(size))) throw new Error(`${rows} rows in a row group of ${size} bytes`);
    for (const c of columns) {
      const values = Number(c.meta.num_values);
      const right = c.maxRepetition === 0 ? values === rows : values >= 0 && values <= mostForBytes(size);
      if (!right) throw new Error(`${values} values in a column of ${rows} rows (${c.meta.path_in_schema.join('.')})`);
    }
    if (total > bytes) throw new Error('row groups of more bytes than the file has');
    return columns;
  });
}

function checkedColumn(meta: ColumnMetaData, schema: SchemaTree, bytes: number): CheckedColumn {
  const start = Number(meta.dictionary_page_offset || meta.data_page_offset);
  const end = start + Number(meta.total_compressed_size);
  const name = meta.path_in_schema.join('.');
  if (!(start >= 0 && end >= start && end <= bytes)) throw new Error(`column ${name} lies outside the file`);
  let node = schema;
  let [maxRepetition, maxDefinition] = [0, 0];
  for (const part of meta.path_in_schema) {
    const child = node.children.find((c) => c.element.name === part);
    if (!child) throw new Error(`column ${name} is not in the schema`);
    node = child;
    if (node.element.repetition_type === 'REPEATED') maxRepetition++;
    if (node.element.repetition_type !== 'REQUIRED') maxDefinition++;
  }
  if (node.children.length > 0) throw new Error(`column ${name} has columns`);
  const nested = meta.path_in_schema.length > 1 || maxRepetition > 0;
  return { meta, start, end, maxRepetition, maxDefinition, nested, typeLength: node.element.type_length ?? 0 };
}

/** Goes over the page headers of a chunk, and over what needs no decompression; returns the pages by the place of their bytes. */
export function checkedPages(c: CheckedColumn, chunk: Uint8Array): Map<number, Page> {
  const reader = { view: new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength), offset: 0 };
  const pages = new Map<number, Page>();
  const wanted = Number(c.meta.num_values);
  let [values, unpacked] = [0, 0];
  while (reader.offset < chunk.length - 1 && (c.nested || values < wanted)) {
    const header = parquetHeader(reader);
    const { compressed_page_size: size, uncompressed_page_size: length } = header;
    if (!(size >= 0 && size <= chunk.length - reader.offset)) throw new Error(`a page of ${size} bytes behind the end`);
    unpacked += length;
    if (!(length >= 0 && unpacked <= mostUnpacked(chunk.length)))
      throw new Error(`a page of ${length} bytes from ${size}`);
    const more = (header.data_page_header ?? header.data_page_header_v2)?.num_values ?? 0;
    values += more;
    if (!(more >= 0 && values <= wanted)) throw new Error(`more values in the pages than the ${wanted} of the column`);
    const page = chunk.subarray(reader.offset, reader.offset + size);
    const at = reader.offset + checkLevelsV2(c, header, page);
    const entries = header.dictionary_page_header?.num_values ?? 0;
    if (!(entries >= 0 && entries <= 8 * length))
      throw new Error(`a dictionary of ${entries} entries in ${length} bytes`);
    if (pages.has(at)) throw new Error('two pages at one place');
    pages.set(at, { header, at });
    if (header.data_page_header_v2?.is_compressed === false)
      checkValues(c, header, chunk.subarray(at, reader.offset + size));
    reader.offset += size;
  }
  if (values !== wanted) throw new Error(`${values} values in the pages of a column of ${wanted}`);
  return pages;
}

/** Levels of the second kind of pages are never compressed. Returns their length. */
function checkLevelsV2(c: CheckedColumn, header: PageHeader, page: Uint8Array): number {
  const v2 = header.data_page_header_v2;
  if (!v2) return 0;
  const [repetition, definition] = [v2.repetition_levels_byte_length, v2.definition_levels_byte_length];
  const levels = repetition + definition;
  const fits = repetition >= 0 && definition >= 0 && levels <= Math.min(page.length, header.uncompressed_page_size);
  if (!fits) throw new Error(`levels of ${levels} bytes in a page of ${page.length}`);
  if (!(v2.num_nulls >= 0 && v2.num_nulls <= v2.num_values))
    throw new Error(`${v2.num_nulls} nulls in a page of ${v2.num_values} values`);
  if (c.maxRepetition > 0) checkRuns(page.subarray(0, repetition), bitsOf(c.maxRepetition), v2.num_values);
  if (c.maxDefinition > 0) checkRuns(page.subarray(repetition, levels), bitsOf(c.maxDefinition), v2.num_values);
  return levels;
}

/** Goes over a page's runs and lengths, once it is decompressed. */
export function checkValues(c: CheckedColumn, header: PageHeader, page: Uint8Array): void {
  const about = header.data_page_header ?? header.data_page_header_v2;
  if (!about) return;
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  let at = 0;
  const lengthened = (width: number): void => {
    const length = view.getUint32(at, true);
    if (length > page.length - at - 4) throw new Error(`runs of ${length} bytes in a page of ${page.length}`);
    checkRuns(page.subarray(at + 4, at + 4 + length), width, about.num_values);
    at += 4 + length;
  };
  if (header.data_page_header && c.maxRepetition > 0) lengthened(bitsOf(c.maxRepetition));
  if (header.data_page_header && c.maxDefinition > 0) lengthened(bitsOf(c.maxDefinition));
  const { encoding, num_values: values } = about;
  if (encoding === 'BYTE_STREAM_SPLIT' && c.typeLength > page.length)
    throw new Error(`values of ${c.typeLength} bytes in a page of ${page.length}`);
  if (encoding === 'DELTA_BYTE_ARRAY') checkPrefixes(view, at, values);
  else if (encoding.startsWith('DELTA')) checkDelta(view, at);
  if (!encoding.includes('DICTIONARY') && encoding !== 'RLE') return;
  if (c.meta.type === 'BOOLEAN') {
    if (at + 4 <= page.length) lengthened(1);
    return;
  }
  const width = page[at] ?? 0;
  if (width > 32) throw new Error(`dictionary indices of ${width} bits`);
  checkRuns(page.subarray(at + 1), width, values);
}

const bitsOf = (level: number): number => 32 - Math.clz32(level);

/** Values that writers may pad a run with: bit-packed ones hold up to 504. */
const padding = 504;

/** Runs of the hybrid of run lengths and bit packing: none may be longer than the page has values. */
function checkRuns(bytes: Uint8Array, width: number, values: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let [at, seen] = [0, 0]; at < bytes.length && seen < values; ) {
    const { value: header, next } = varint(view, at);
    const packed = header % 2 === 1;
    const count = packed ? 8 * ((header - 1) / 2) : header / 2;
    if (count > values - seen + padding) throw new Error(`a run of ${count} values in a page of ${values}`);
    at = next + Math.ceil(packed ? (count * width) / 8 : width / 8);
    seen += count;
  }
}

function varint(view: DataView, from: number): { value: number; next: number } {
  let value = 0;
  for (let [at, scale] = [from, 1]; at < from + 5; at++, scale *= 128) {
    const byte = view.getUint8(at);
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return { value, next: at + 1 };
  }
  throw new Error('a count that is too long');
}

/** The head of delta packed values: block size, small blocks in it, values in all. Returns the last. */
function checkDelta(view: DataView, from: number): number {
  const block = varint(view, from);
  const small = varint(view, block.next);
  if (small.value < 1 || small.value > 512 || block.value > 2 ** 20)
    throw new Error(`delta blocks of ${block.value} values in ${small.value} parts`);
  return varint(view, small.next).value;
}

/** Values that begin like the one before: what they grow to is bounded by the page that they come from. */
function checkPrefixes(view: DataView, from: number, values: number): void {
  const count = checkDelta(view, from);
  if (count > values) throw new Error(`${count} delta values in a page of ${values}`);
  const prefixes = new Int32Array(count);
  deltaBinaryUnpack({ view, offset: from }, count, prefixes);
  const total = prefixes.reduce((sum, n) => sum + Math.max(0, n), 0);
  if (total > 2 ** 26 + 256 * view.byteLength)
    throw new Error(`values of ${total} bytes in a page of ${view.byteLength}`);
}
