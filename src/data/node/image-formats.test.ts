import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ByteWriter, parquetWrite } from 'hyparquet-writer';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { textsOfRow } from '../image-texts.ts';
import { type ImageRecord, type ImageSet, imageOf } from '../index.ts';
import { plainPng, writeFiles } from '../testing/image-fixtures.ts';
import { loadImages, openImages } from './index.ts';

let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'bow2bot-formats-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const red = plainPng([255, 0, 0]);
const blue = plainPng([0, 0, 255]);
const none = { size: 3, cache: false } as const;

async function recordsOf(set: ImageSet): Promise<ImageRecord[]> {
  const records: ImageRecord[] = [];
  for await (const r of set.records()) records.push(r);
  return records;
}
const said = (r: ImageRecord): unknown[] => [r.id, r.captions, r.label, r.fields];

test('CSV: quotes, newlines, separators, marks and rows that do not fit', async () => {
  const at = join(root, 'csv');
  await writeFiles(at, { 'a.png': red, 'b.png': blue });
  const read = async (content: string | Uint8Array): Promise<unknown[]> => {
    await writeFile(join(at, 'metadata.csv'), content);
    return (await recordsOf(await openImages(at))).map((r) => [r.id, ...r.captions]);
  };
  const both = [
    ['a.png', 'one, "two"\nthree'],
    ['b.png', 'four'],
  ];
  expect(await read('file_name,text\na.png,"one, ""two""\nthree"\nb.png,four\n')).toEqual(both);
  expect(await read('\ufefffile_name;text\r\na.png;"one, ""two""\nthree"\r\n\r\nb.png;four')).toEqual(both);
  expect(await read('text\tfile_name\n"one, ""two""\nthree"\ta.png\nfour\tb.png')).toEqual(both);
  const wide = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('file_name,text\nb.png,höher\n', 'utf16le')]);
  expect(await read(wide)).toEqual([['a.png'], ['b.png', 'höher']]);
  expect(await read('file_name,text\nb.png\n')).toEqual([['a.png'], ['b.png']]);
  const latin = Buffer.from('file_name,text\nb.png,h\xf6her\n', 'latin1');
  await expect(read(latin)).rejects.toMatchObject({ code: 'data', detail: { byte: 22 } });
  await expect(read('file_name,text\na.png,"open\n')).rejects.toThrow(/quotes that open.*metadata\.csv:2/);
  await expect(read('file_name,text\nb.png,"x\ny"\na.png,1,2\n')).rejects.toThrow(/3 values.*metadata\.csv:4/);
  await expect(read('name,text\na.png,x\n')).rejects.toThrow(/no column names the images/);
  await expect(read('file_name,text\n,x\n')).rejects.toThrow(/a row without file_name.*csv:2/);
});

test('COCO captions: found beside the folder of images, missing files named', async () => {
  const at = join(root, 'coco');
  const images = [7, 5, 3].map((id) => ({ id, file_name: `${String(id).padStart(12, '0')}.png` }));
  const annotations = [
    { image_id: 5, caption: ' a red field ' },
    { image_id: 7, caption: 'a blue field' },
    { image_id: 5, caption: 'red everywhere' },
  ];
  await writeFiles(at, {
    'annotations/captions_val.json': JSON.stringify({ images, annotations }),
    'train/000000000005.png': blue,
    'val/000000000005.png': red,
    'val/000000000007.png': blue,
  });
  const set = await openImages(at);
  expect([set.format, (await openImages(join(at, 'annotations/captions_val.json'))).format]).toEqual(['coco', 'coco']);
  expect((await recordsOf(set)).map(said)).toEqual([
    ['7', ['a blue field'], undefined, {}],
    ['5', ['a red field', 'red everywhere'], undefined, {}],
    ['3', [], undefined, {}],
  ]);
  const loaded = await loadImages(set, none);
  expect([...imageOf(loaded, 1).data.subarray(0, 3)]).toEqual([255, 0, 0]);
  expect(loaded.skipped).toEqual([
    { place: join(at, 'train/000000000005.png'), reason: 'an image that is not listed in the annotations' },
    { place: join(at, 'val/000000000003.png'), reason: 'no such file or folder' },
  ]);
});

test('COCO instances and Karpathy’s split; what is neither is an error', async () => {
  const at = join(root, 'karpathy');
  const images = [
    { cocoid: 11, filepath: 'val', filename: 'a.png', split: 'test', sentences: [{ raw: 'one' }, { raw: 'two' }] },
    { cocoid: 13, filepath: '../..', filename: 'b.png', split: 'train', sentences: [] },
  ];
  const boxes = {
    images: [{ id: 1, file_name: 'a.png' }],
    categories: [{ id: 3, name: 'cat' }],
    annotations: [{ image_id: 1, category_id: 3, bbox: [0, 0, 1, 1] }],
  };
  await writeFiles(at, {
    'dataset_coco.json': JSON.stringify({ images, dataset: 'coco' }),
    'images/val/a.png': red,
    'boxes/instances_x.json': JSON.stringify(boxes),
    'boxes/a.png': red,
    'wrong.json': '[1]',
    'far/captions_x.json': JSON.stringify(boxes),
  });
  const set = await openImages(at);
  expect((await recordsOf(set)).map(said)).toEqual([
    ['11', ['one', 'two'], undefined, { split: 'test' }],
    ['13', [], undefined, { split: 'train' }],
  ]);
  const { ids, skipped } = await loadImages(set, none);
  expect([ids, skipped.at(-1)!.reason]).toEqual([['11'], '"../../b.png" points outside the folder']);
  const inBoxes = await recordsOf(await openImages(join(at, 'boxes')));
  expect(inBoxes.map(said)).toEqual([['1', [], 'cat', { categories: 'cat' }]]);
  await expect(recordsOf(await openImages(join(at, 'wrong.json')))).rejects.toThrow(/no list of images/);
  await rm(join(at, 'boxes'), { recursive: true });
  await expect(recordsOf(await openImages(join(at, 'far')))).rejects.toThrow(/the images are not beside it/);
});

type Schema = Parameters<typeof parquetWrite>[0]['schema'];

/** A parquet file as Hugging Face data sets are. */
function parquetFile(
  rows: { bytes?: Uint8Array; path?: string; label: number; caption: string }[],
  features?: object,
  packing: Pick<Parameters<typeof parquetWrite>[0], 'codec' | 'compressors'> = {},
): Uint8Array {
  const writer = new ByteWriter();
  const schema: Schema = [
    { name: 'root', num_children: 3 },
    { name: 'image', num_children: 2, repetition_type: 'OPTIONAL' },
    { name: 'bytes', type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL' },
    { name: 'path', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
    { name: 'label', type: 'INT64', repetition_type: 'OPTIONAL' },
    { name: 'caption', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
  ];
  const column = (name: string, data: unknown[]): never => ({ name, data }) as never;
  parquetWrite({
    writer,
    schema,
    rowGroupSize: 2,
    ...packing,
    columnData: [
      column(
        'image',
        rows.map(({ bytes, path }) => ({ bytes, path })),
      ),
      column(
        'label',
        rows.map((r) => BigInt(r.label)),
      ),
      column(
        'caption',
        rows.map((r) => r.caption),
      ),
    ],
    ...(features ? { kvMetadata: [{ key: 'huggingface', value: JSON.stringify({ info: { features } }) }] } : {}),
  });
  return new Uint8Array(writer.getBuffer());
}

test('Parquet: shards, row groups, class names, images by path, rows without one', async () => {
  const at = join(root, 'parquet');
  const features = { label: { names: ['cat', 'dog'], _type: 'ClassLabel' }, image: { _type: 'Image' } };
  await writeFiles(at, {
    'data/train-00000-of-00002.parquet': parquetFile(
      [
        { bytes: red, label: 1, caption: 'one' },
        { bytes: blue, label: 0, caption: 'two' },
        { path: 'inside.png', label: -1, caption: 'three' },
      ],
      features,
    ),
    'data/train-00001-of-00002.parquet': parquetFile([
      { path: '../outside.png', label: 3, caption: 'four' },
      { label: 4, caption: 'five' },
    ]),
    'data/inside.png': blue,
    'outside.png': red,
  });
  const set = await openImages(at);
  expect(set.format).toBe('parquet');
  expect((await recordsOf(set)).map(said)).toEqual([
    ['train-00000-of-00002.parquet:0', ['one'], 'dog', { split: 'train', label: 'dog' }],
    ['train-00000-of-00002.parquet:1', ['two'], 'cat', { split: 'train', label: 'cat' }],
    ['train-00000-of-00002.parquet:2', ['three'], undefined, { split: 'train' }],
    ['train-00001-of-00002.parquet:0', ['four'], '3', { split: 'train', label: 3 }],
    ['train-00001-of-00002.parquet:1', ['five'], '4', { split: 'train', label: 4 }],
  ]);
  const loaded = await loadImages(set, none);
  expect(loaded.labels).toEqual(['dog', 'cat', undefined]);
  expect([0, 1, 2].map((i) => imageOf(loaded, i).data[0])).toEqual([255, 0, 0]);
  expect(loaded.skipped.map((s) => s.reason)).toEqual([
    'an image that is read only where a table names it (and 1 more)',
    '"../outside.png" points outside the folder',
    'a row without an image',
  ]);
  await writeFile(join(at, 'data/train-00001-of-00002.parquet'), parquetFile([{ label: 1, caption: 'x' }]).subarray(9));
  await expect(loadImages(set, none)).rejects.toThrow(/not a readable parquet file/);
});

/** LZ4 without matches: a block of nothing is one byte. */
function literalLz4(bytes: Uint8Array): Uint8Array {
  if (bytes.length < 15) return Uint8Array.of(bytes.length << 4, ...bytes);
  const more = bytes.length - 15;
  return Uint8Array.of(0xf0, ...Array<number>(Math.floor(more / 255)).fill(255), more % 255, ...bytes);
}

test('Parquet: LZ4 with a column of nulls alone', async () => {
  const rows = [red, blue].map((bytes) => ({ bytes, label: 1, caption: 'one' }));
  const packing = { codec: 'LZ4_RAW', compressors: { LZ4_RAW: literalLz4 } } as const;
  await writeFiles(join(root, 'lz4'), { 'a.parquet': parquetFile(rows, undefined, packing) });
  const { count, captions, skipped } = await loadImages(await openImages(join(root, 'lz4')), none);
  expect([count, captions, skipped]).toEqual([2, [['one'], ['one']], []]);
});

test('Parquet: no class is none, lists of classes, further bytes, files of one name in several folders', async () => {
  const write = (rows: readonly { label: number | null; labels: number[] }[]): Uint8Array => {
    const writer = new ByteWriter();
    const info = {
      features: {
        label: { names: ['cat', 'dog'], _type: 'ClassLabel' },
        labels: { feature: { names: ['indoors', 'at night'], _type: 'ClassLabel' }, _type: 'Sequence' },
      },
    };
    parquetWrite({
      writer,
      columnData: [
        { name: 'image', type: 'BYTE_ARRAY', data: rows.map(() => red) },
        { name: 'photo', type: 'BYTE_ARRAY', data: rows.map(() => red) },
        { name: 'thumb', type: 'BYTE_ARRAY', data: rows.map(() => red) }, // no text, and no field
        { name: 'label', type: 'DOUBLE', nullable: true, data: rows.map((r) => r.label) },
        { name: 'labels', type: 'JSON', data: rows.map((r) => r.labels) },
      ],
      kvMetadata: [{ key: 'huggingface', value: JSON.stringify({ info }) }],
    });
    return new Uint8Array(writer.getBuffer());
  };
  const at = join(root, 'folders-of-parquet');
  await writeFiles(at, {
    'train/0.parquet': write([
      { label: 0, labels: [0, 1] },
      { label: null, labels: [] },
    ]),
    'val/0.parquet': write([{ label: 1, labels: [1] }]),
  });
  expect((await recordsOf(await openImages(at))).map(said)).toEqual([
    ['train/0.parquet:0', [], 'cat', { split: 'train', label: 'cat', labels: 'indoors, at night' }],
    ['train/0.parquet:1', [], undefined, { split: 'train' }],
    ['val/0.parquet:0', [], 'dog', { split: 'val', label: 'dog', labels: 'at night' }],
  ]);
});

test('whole numbers above 2^53 keep their digits in lists too', () => {
  expect(textsOfRow({ n: [2n ** 53n + 1n, 1n] }).fields).toEqual({ n: '9007199254740993, 1' });
});
