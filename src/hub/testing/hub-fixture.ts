/** A hub on this machine with one repository, and an empty cache, for every test of a file. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { Rng } from '../../base/index.ts';
import type { HubOptions } from '../node/index.ts';
import { type HubServer, type SeenRequest, startHub } from './hub-server.ts';

const rng = new Rng('download');

/** Content of the large file. */
export const weights: Buffer = Buffer.from(Uint8Array.from({ length: 300_007 }, () => rng.int(256)));

/** The repository's files; those ending in `safetensors` and `onnx` are large. */
export const files: Readonly<Record<string, Buffer>> = {
  'config.json': Buffer.from('{"model_type": "clip"}'),
  'README.md': Buffer.from('# é\n'),
  'empty.txt': Buffer.alloc(0),
  'model.safetensors': weights,
  'onnx/model.onnx': weights.subarray(0, 5003),
};

/** What a test sees; refilled before each. */
export type HubFixture = {
  hub: HubServer;
  cacheDir: string;
  o: HubOptions;
  notices: string[];
  /** The repository's folder in the cache. */
  readonly root: string;
  blob(path: string): string;
  snapshot(path: string): string;
  /** Requests for content so far. */
  gets(): SeenRequest[];
};

/** Registers the set-up and clean-up with the test runner. */
export function useHub(): HubFixture {
  const f = {
    get root() {
      return join(f.cacheDir, 'models--org--name');
    },
    blob: (path: string) => join(f.root, 'blobs', f.hub.etags[path]!),
    snapshot: (path: string) => join(f.root, 'snapshots', f.hub.commit, path),
    gets: () => f.hub.seen.filter((q) => q.method === 'GET' && !q.path.startsWith('/api')),
  } as HubFixture;
  beforeEach(async () => {
    f.hub = await startHub(files, ['model.safetensors', 'onnx/model.onnx']);
    f.cacheDir = await mkdtemp(join(tmpdir(), 'bow2bot-hub-'));
    f.notices = [];
    const onNotice = (text: string): void => void f.notices.push(text);
    const fast = { backoff: 1, downloadTimeout: 300, etagTimeout: 300 };
    f.o = {
      endpoint: f.hub.endpoint,
      cacheDir: f.cacheDir,
      token: 'hf_secret',
      proxies: { none: '' },
      ...fast,
      onNotice,
    };
  });
  afterEach(async () => {
    await f.hub.close();
    await rm(f.cacheDir, { recursive: true });
  });
  return f;
}

/** True for a request for the large file's content. */
export function isWeights(q: { server: string; path: string }): boolean {
  return q.server === 'storage' && q.path.startsWith('/blob/model');
}
