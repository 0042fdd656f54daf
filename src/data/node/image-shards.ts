/** WebDataset folders as image sets: `.jpg`, `.png` … with `.txt`, `.json`, `.cls` under one key. */
import { basename, dirname, join, relative } from 'node:path';
import { BowError } from '../../base/index.ts';
import { isFile } from '../../base/node/index.ts';
import { textOf } from '../../text/index.ts';
import { lineParts, textsOfParts } from '../image-texts.ts';
import type { ImageRecord, ImageSet } from '../images.ts';
import { notClasses } from './class-folders.ts';
import { bytesOf } from './image-files.ts';
import { noteTally } from './notes.ts';
import { readShard, shardsOf, type WebSample } from './webdataset.ts';

const extensions = ['jpg', 'jpeg', 'jfif', 'png', 'webp', 'gif', 'avif', 'tif', 'tiff', 'bmp', 'heic'];

/** Parts that are read. */
const read: ReadonlySet<string> = new Set([...extensions, ...lineParts, 'json', 'cls']);

/**
 * A tar file, or a folder of them, as a set. A key that comes again in another shard gets the shard's name before it, since many sets number their
 * samples from zero in every shard. A file `classnames.txt` beside the shards names numbered classes.
 */
export function imageShards(path: string, o: { captions?: string | undefined } = {}): ImageSet {
  return {
    format: 'webdataset',
    path,
    async *records({ signal, onNote } = {}) {
      const shards = await shardsOf(path);
      const classes = await classNames(path, shards[0]!);
      const seen = new Map<string, string>();
      const notes = noteTally(onNote);
      let labelled = false;
      for (const shard of shards) {
        for await (const sample of readShard(shard, { signal, onNote })) {
          const clash = (seen.get(sample.key) ?? shard) !== shard;
          if (!clash) seen.set(sample.key, shard);
          for (const part of Object.keys(sample.parts).filter((e) => !read.has(e)))
            notes.add('a part of a sample that is not read', `${shard}/${sample.key}.${part}`);
          const images = extensions.filter((e) => sample.parts[e] !== undefined);
          if (images.length > 1)
            notes.add(`several images of a sample, of which ${images[0]} is read`, `${shard}/${sample.key}`);
          const id = clash ? `${relative(path, shard) || basename(shard)}/${sample.key}` : sample.key;
          const record = recordOf(sample, id, shard, { ...o, classes });
          labelled ||= record.label !== undefined;
          yield record;
        }
      }
      const left = labelled ? undefined : notClasses([...seen.keys()], 'they are where the archive is unpacked');
      if (left !== undefined) notes.add(left, path);
      notes.flush();
    },
  };
}

function recordOf(
  sample: WebSample,
  id: string,
  shard: string,
  o: { captions?: string | undefined; classes: readonly string[] },
): ImageRecord {
  const extension = extensions.find((e) => sample.parts[e] !== undefined);
  const place = `${shard}/${sample.key}.${extension ?? '*'}`;
  try {
    const texts = textsOfParts(sample.parts, `${shard}/${sample.key}`, o);
    const read = async (): Promise<Uint8Array> => {
      if (extension !== undefined) return sample.parts[extension]!;
      const parts = Object.keys(sample.parts).join(', ');
      throw new BowError('data', `a sample without an image: its parts are ${parts}`, {
        place,
        hint: 'a key ends at the first dot of a name',
      });
    };
    return { id, place, ...texts, read };
  } catch (e) {
    return { id, place, captions: [], fields: {}, read: () => Promise.reject(e) };
  }
}

/** One class per line, as open_clip's WebDataset evaluation sets have them: in the folder, or beside the shards. */
async function classNames(path: string, shard: string): Promise<string[]> {
  for (const file of [join(path, 'classnames.txt'), join(dirname(shard), 'classnames.txt')])
    if (await isFile(file))
      return textOf(await bytesOf(file), file)
        .trimEnd()
        .split(/\r\n?|\n/);
  return [];
}
