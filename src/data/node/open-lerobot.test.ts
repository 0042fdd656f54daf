import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isBowError } from '../../base/index.ts';
import { openLeRobot, type RobotEpisode, writeLeRobot } from './index.ts';

let folder = '';
let count = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bow2bot-lerobot-'));
  await writeLeRobot(join(folder, 'whole'), episodes, layout);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const layout = {
  fps: 10,
  robotType: 'arm',
  stateNames: ['x', 'y'],
  actionNames: ['dx'],
  cameras: { top: { width: 4, height: 3 } },
};
const tasks = ['pick it', 'push it', 'pick it'];
const episodes: RobotEpisode[] = tasks.map((task, e) => ({
  task,
  frames: Array.from({ length: 2 + e }, (_, i) => ({
    images: { top: Uint8Array.of(137, e, i) },
    state: [e, i],
    action: [i / 2],
  })),
}));

type Cells = Readonly<Record<string, readonly unknown[]>>;
async function table(path: string, columns: Cells): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const columnData = Object.entries(columns).map(([name, data]) => ({ name, data: [...data] }));
  await writeFile(path, new Uint8Array(parquetWriteBuffer({ columnData: columnData as never })));
}

/** A copy of the whole set. */
async function copy(): Promise<string> {
  const at = join(folder, `copy-${count++}`);
  await cp(join(folder, 'whole'), at, { recursive: true });
  return at;
}
async function edit(at: string, change: object): Promise<void> {
  const path = join(at, 'meta/info.json');
  await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, 'utf8')), ...change }));
}
const big = (...values: number[]): bigint[] => values.map(BigInt);
const episodeTable = (indices: readonly number[], o: Cells = {}): Cells => ({
  episode_index: big(...indices),
  length: big(...indices.map((i) => 2 + i)),
  'data/chunk_index': indices.map(() => 0n),
  'data/file_index': indices.map(() => 0n),
  ...o,
});
async function all(at: string): Promise<RobotEpisode[]> {
  const got: RobotEpisode[] = [];
  for await (const e of (await openLeRobot(at)).read()) got.push(e);
  return got;
}
async function refusal(at: string): Promise<string> {
  const e = await all(at).then(
    () => undefined,
    (e: unknown) => e,
  );
  if (!isBowError(e)) throw e ?? new Error('nothing was refused');
  return `${e.code}: ${e.message.replaceAll(at, '')}`;
}

describe('LeRobot folders as their tools leave them', () => {
  test('episodes in several files and chunks, in any order', async () => {
    const at = await copy();
    await rm(join(at, 'meta/episodes'), { recursive: true });
    await table(join(at, 'meta/episodes/chunk-000/file-000.parquet'), episodeTable([2]));
    await table(join(at, 'meta/episodes/chunk-000/file-001.parquet'), episodeTable([0]));
    await table(join(at, 'meta/episodes/chunk-001/file-000.parquet'), episodeTable([1]));
    expect(await all(at)).toEqual(episodes);
  });

  test('tasks by their number, whatever row they are in and whatever pandas called them', async () => {
    for (const name of ['__index_level_0__', 'task', 'instruction']) {
      const at = await copy();
      await table(join(at, 'meta/tasks.parquet'), { task_index: big(1, 0), [name]: ['push it', 'pick it'] });
      expect(await all(at)).toEqual(episodes);
      expect((await openLeRobot(at)).tasks).toEqual(['pick it', 'push it']);
    }
  });

  test('data_path is obeyed', async () => {
    const at = await copy();
    await cp(join(at, 'data/chunk-000/file-000.parquet'), join(at, 'rows/0-00.parquet'));
    await rm(join(at, 'data'), { recursive: true });
    await edit(at, { data_path: 'rows/{chunk_index}-{file_index:02d}.parquet' });
    expect(await all(at)).toEqual(episodes);
    await edit(at, { data_path: '../{file_index}.parquet' });
    expect(await refusal(at)).toMatch(/points outside the folder \(at \/meta\/info.json: data_path\)/);
    await edit(at, { data_path: '{file_number:03d}.parquet' });
    expect(await refusal(at)).toMatch(/"file_number" is not known/);
  });

  test('version 2: lines instead of tables, a file for each episode', async () => {
    const at = join(folder, 'legacy');
    const row = (e: number): Cells => ({
      'observation.state': [e, e + 1],
      action: [0.5, 1.5],
      frame_index: big(0, 1),
      episode_index: big(e, e),
      task_index: big(7, e),
    });
    for (const e of [0, 1]) await table(join(at, `data/chunk-00${e}/episode_00000${e}.parquet`), row(e));
    const lines = (rows: readonly object[]): string => rows.map((r) => `${JSON.stringify(r)}\n`).join('');
    await mkdir(join(at, 'meta'));
    await writeFile(join(at, 'meta/tasks.jsonl'), lines([{ task_index: 7, task: 'lift' }, { task_index: 0, task: 'wait' }, { task_index: 1, task: 'go' }])); // biome-ignore format: one line
    await writeFile(join(at, 'meta/episodes.jsonl'), lines([{ episode_index: 0, tasks: ['lift'], length: 2 }, { episode_index: 1, length: 2 }])); // biome-ignore format: one line
    const number = { dtype: 'float32', shape: [1], names: { motors: ['j'] } };
    const features = { 'observation.state': number, action: { ...number, names: null }, 'next.reward': number };
    const info = { codebase_version: 'v2.1', total_episodes: 2, total_frames: 4, fps: 5, chunks_size: 1, data_path: 'data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet', features }; // biome-ignore format: one line
    await writeFile(join(at, 'meta/info.json'), JSON.stringify(info));
    const set = await openLeRobot(at);
    expect(set).toMatchObject({ tasks: ['wait', 'go', 'lift'], unread: ['next.reward (float32 [1])'] });
    expect(set.layout).toMatchObject({ stateNames: ['j'], actionNames: ['action.0'], cameras: {} });
    expect(await all(at)).toEqual([
      { task: 'lift', taskOfFrame: ['lift', 'wait'], frames: [{ images: {}, state: [0], action: [0.5] }, { images: {}, state: [1], action: [1.5] }] }, // biome-ignore format: one line
      { task: 'lift', taskOfFrame: ['lift', 'go'], frames: [{ images: {}, state: [1], action: [0.5] }, { images: {}, state: [2], action: [1.5] }] }, // biome-ignore format: one line
    ]);
  });
});

describe('LeRobot folders that contradict themselves', () => {
  test.each([
    ['fewer episodes', { total_episodes: 4 }, /meta\/episodes has 3 episodes, total_episodes says 4/],
    ['more episodes', { total_episodes: 2 }, /meta\/episodes has 3 episodes, total_episodes says 2/],
    ['frames', { total_frames: 10 }, /the episodes have 9 frames, total_frames says 10/],
    ['a later version', { codebase_version: 'v4.0' }, /version v4.0; versions 2 and 3 can be read/],
    ['no version', { codebase_version: 'main' }, /version main/],
    ['no frames a second', { fps: 0 }, /not a LeRobot dataset: .*meta\/info.json: fps/],
    ['videos', { features: { a: { dtype: 'video', shape: [3, 4, 3], names: null } } }, /"a" is a video/],
  ])('%s', async (_name, change, message) => {
    const at = await copy();
    await edit(at, change);
    expect(await refusal(at)).toMatch(message);
  });

  test.each([
    ['an episode twice', episodeTable([0, 1, 1]), /has episode 1 twice/],
    ['another length', episodeTable([0, 1, 2], { length: big(3, 3, 3) }), /episode 0\)$/],
    ['rows of another episode', episodeTable([0, 1, 5], { length: big(2, 3, 4) }), /rows of episodes that meta/],
    ['a length that is not one', episodeTable([0, 1, 2], { length: big(2, -3, 4) }), /"length" is not a count: -3/],
    ['no file', { episode_index: big(0, 1, 2), length: big(2, 3, 4) }, /"data\/chunk_index" is missing/],
    ['another file', episodeTable([0, 1, 2], { 'data/file_index': big(0, 0, 9) }), /rows of episodes|no such file/],
  ])('%s', async (_name, cells, message) => {
    const at = await copy();
    await table(join(at, 'meta/episodes/chunk-000/file-000.parquet'), cells);
    expect(await refusal(at)).toMatch(message);
  });

  test('tasks that are missing, twice there or without text', async () => {
    const at = await copy();
    const tasks = (cells: Cells): Promise<void> => table(join(at, 'meta/tasks.parquet'), cells);
    await tasks({ task_index: big(0), task: ['pick it'] });
    expect(await refusal(at)).toMatch(/data: there is no task 1 \(at .*file-000.parquet: episode 1\)/);
    await tasks({ task_index: big(0, 0), task: ['pick it', 'push it'] });
    expect(await refusal(at)).toMatch(/task 0 is there twice/);
    await tasks({ task_index: big(0, 1), a: ['pick it', 'push it'], b: ['', ''] });
    expect(await refusal(at)).toMatch(/task 0 has no text/);
  });
});
