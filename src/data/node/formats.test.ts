import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packTar } from 'modern-tar';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  openLeRobot,
  type RobotEpisode,
  readWebDataset,
  type WebSample,
  writeLeRobot,
  writeWebDataset,
} from './index.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bow2bot-data-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const bytes = (n: number, seed: number): Uint8Array =>
  Uint8Array.from({ length: n }, (_, i) => (i * 31 + seed * 7) % 251);

test('WebDataset: samples survive in order, across shards', async () => {
  const samples: WebSample[] = Array.from({ length: 23 }, (_, i) => ({
    key: `set/${String(i).padStart(5, '0')}`,
    parts: { png: bytes(101 + i, i), json: new TextEncoder().encode(`{"i":${i}}`), 'seg.png': bytes(3, i) },
  }));
  const files = await writeWebDataset(join(folder, 'wds'), samples, { samplesPerShard: 7 });
  expect(files.length).toBe(4);
  const got: WebSample[] = [];
  for await (const s of readWebDataset(join(folder, 'wds'))) got.push(s);
  expect(got).toEqual(samples);
});

test('WebDataset: hidden members that macOS adds do not tear samples apart', async () => {
  const names = ['._a.png', 'a.png', '._a.txt', 'a.txt', 'b/._c.png', 'b/c.png'];
  const entries = names.map((name) => ({ header: { name, size: 3 }, body: bytes(3, name.length) }));
  const file = join(folder, 'mac.tar');
  await writeFile(file, await packTar(entries));
  const got: string[] = [];
  for await (const s of readWebDataset(file)) got.push(`${s.key}: ${Object.keys(s.parts)}`);
  expect(got).toEqual(['a: png,txt', 'b/c: png']);
});

test('WebDataset: what is broken is a typed error', async () => {
  const collect = async (path: string) => {
    for await (const _ of readWebDataset(path));
  };
  await expect(collect(join(folder, 'nowhere'))).rejects.toThrow(/no such file/);
  const [file] = await writeWebDataset(join(folder, 'cut'), [{ key: 'a', parts: { png: bytes(5003, 1) } }]);
  const whole = await readFile(file!);
  await writeFile(file!, whole.subarray(0, 3000));
  await expect(collect(file!)).rejects.toThrow(/broken tar archive/);
  await writeFile(file!, bytes(4096, 3));
  await expect(collect(file!)).rejects.toThrow(/broken tar archive/);
  await expect(writeWebDataset(join(folder, 'dot'), [{ key: 'a.b', parts: {} }])).rejects.toThrow(/cannot be a key/);
});

const layout = {
  fps: 10,
  robotType: 'test',
  stateNames: ['x', 'y'],
  actionNames: ['a', 'b', 'c'],
  cameras: { top: { width: 5, height: 3 } },
};
const episodes: RobotEpisode[] = [3, 5, 2].map((n, e) => ({
  task: e === 1 ? 'push it' : 'pick it – höher',
  frames: Array.from({ length: n }, (_, i) => ({
    images: { top: bytes(17 + i, e) },
    state: [i / 4, -e - 1],
    action: [e, i, 0.5],
  })),
}));

test('LeRobot v3: episodes survive, and the meta data says what LeRobot reads', async () => {
  const at = join(folder, 'lerobot');
  expect(await writeLeRobot(at, episodes, layout)).toEqual({ episodes: 3, frames: 10, tasks: 2 });
  const data = await openLeRobot(at);
  expect(data).toMatchObject({ episodes: 3, frames: 10, tasks: ['pick it – höher', 'push it'], layout });
  const got: RobotEpisode[] = [];
  for await (const e of data.read()) got.push(e);
  expect(got).toEqual(episodes);
  const info = JSON.parse(await readFile(join(at, 'meta/info.json'), 'utf8'));
  expect(info).toMatchObject({
    codebase_version: 'v3.0',
    total_frames: 10,
    splits: { train: '0:3' },
    video_path: null,
  });
  expect(info.features['observation.images.top']).toEqual({
    dtype: 'image',
    shape: [3, 5, 3],
    names: ['height', 'width', 'channels'],
  });
  const stats = JSON.parse(await readFile(join(at, 'meta/stats.json'), 'utf8'));
  expect(stats.action).toMatchObject({ min: [0, 0, 0.5], max: [2, 4, 0.5], count: [10] });
});

test('LeRobot v3: what does not fit is a typed error', async () => {
  const at = join(folder, 'bad');
  const first = episodes[0]!;
  await expect(writeLeRobot(at, [], layout)).rejects.toThrow(/at least one episode/);
  await expect(
    writeLeRobot(at, [{ task: 't', frames: [{ ...first.frames[0]!, state: [1] }] }], layout),
  ).rejects.toThrow(/1 state numbers/);
  await expect(
    writeLeRobot(at, [{ task: 't', frames: [{ ...first.frames[0]!, images: {} }] }], layout),
  ).rejects.toThrow(/without the image/);
  await expect(openLeRobot(at)).rejects.toThrow(/no such file/);
  await writeLeRobot(at, episodes, layout);
  const info = JSON.parse(await readFile(join(at, 'meta/info.json'), 'utf8'));
  await writeFile(join(at, 'meta/info.json'), JSON.stringify({ ...info, codebase_version: 'v1.6' }));
  await expect(openLeRobot(at)).rejects.toThrow(/version v1.6/);
  await writeFile(join(at, 'meta/info.json'), '{');
  await expect(openLeRobot(at)).rejects.toThrow(/not JSON/);
  await writeFile(join(at, 'meta/info.json'), JSON.stringify(info));
  await writeFile(join(at, 'meta/tasks.parquet'), 'PAR1');
  await expect(openLeRobot(at)).rejects.toThrow(/not a readable parquet/);
});
