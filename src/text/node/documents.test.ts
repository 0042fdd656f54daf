import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { type DocumentOptions, readDocuments } from './index.ts';

const folder = await mkdtemp(join(tmpdir(), 'bow2bot-documents-'));
afterAll(() => rm(folder, { recursive: true }));

/** The documents of a file with this content, as [id, text]. */
async function read(name: string, content: string | Uint8Array, o: DocumentOptions = {}): Promise<[string, string][]> {
  const path = join(folder, name);
  await writeFile(path, content);
  const found: [string, string][] = [];
  for await (const d of readDocuments(path, o)) found.push([d.id, Buffer.from(d.text).toString()]);
  return found;
}

test('ids above 2^53 keep their digits', async () => {
  const lines = '{"id": 732822797798539267, "text": "red"}\n{"id": 732822797798539264, "text": "blue"}\n';
  expect(await read('posts.jsonl', lines)).toEqual([
    ['732822797798539267', 'red'],
    ['732822797798539264', 'blue'],
  ]);
});

test('a line that is not JSON is named with its column', async () => {
  await expect(read('bad.jsonl', '{"text": "a"}\n\n{"text": nope}\n')).rejects.toThrow(/not JSON.*bad\.jsonl:3:10/);
});
