/**
 * Writes LeRobotDataset v3.0 folders: `meta/info.json`, `meta/stats.json`, `meta/tasks.parquet`, `meta/episodes/…`, `data/…`, with many episodes per
 * file. DIFFERS from what LeRobot records by default: camera images are PNG bytes in the parquet files (its `image` features), not videos, because
 * no video encoder is a dependency.
 */
import { join } from 'node:path';
import { ByteWriter, parquetWrite } from 'hyparquet-writer';
import { BowError } from '../../base/index.ts';
import { writeFileAtomic } from '../../base/node/index.ts';

/** One moment of an episode. Images are encoded bytes (PNG, JPEG) by camera name. */
export type RobotFrame = {
  readonly images: Readonly<Record<string, Uint8Array>>;
  readonly state: readonly number[];
  readonly action: readonly number[];
};

export type RobotEpisode = {
  /** What was to be done; where it changes on the way, what the first frame was to do. */
  readonly task: string;
  readonly frames: readonly RobotFrame[];
  /** The task of every frame, where not all have the same. */
  readonly taskOfFrame?: readonly string[];
};

export type LeRobotLayout = {
  readonly fps: number;
  readonly robotType: string;
  /** Names of the numbers in `state` and `action`; their count is checked in every frame. */
  readonly stateNames: readonly string[];
  readonly actionNames: readonly string[];
  /** Width and height of each camera's images. */
  readonly cameras: Readonly<Record<string, { readonly width: number; readonly height: number }>>;
};

type Column = { name: string; data: unknown[]; schema: SchemaRow[] };
type SchemaRow = {
  name: string;
  type?: 'INT64' | 'FLOAT' | 'BYTE_ARRAY' | 'BOOLEAN';
  converted_type?: 'UTF8' | 'LIST';
  repetition_type: 'REQUIRED' | 'OPTIONAL' | 'REPEATED';
  num_children?: number;
};

const scalar = (name: string, type: NonNullable<SchemaRow['type']>): SchemaRow[] => [
  { name, type, repetition_type: 'OPTIONAL' },
];
const text = (name: string): SchemaRow[] => [
  { name, type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
];
const listOf = (name: string, element: SchemaRow): SchemaRow[] => [
  { name, repetition_type: 'OPTIONAL', converted_type: 'LIST', num_children: 1 },
  { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
  { ...element, name: 'element' },
];
const floats = (name: string): SchemaRow[] => listOf(name, { name: '', type: 'FLOAT', repetition_type: 'OPTIONAL' });
const image = (name: string): SchemaRow[] => [
  { name, repetition_type: 'OPTIONAL', num_children: 2 },
  { name: 'bytes', type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL' },
  { name: 'path', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
];

async function writeParquet(
  path: string,
  columns: readonly Column[],
  kvMetadata?: { key: string; value: string }[],
): Promise<void> {
  const writer = new ByteWriter();
  parquetWrite({
    writer,
    columnData: columns.map((c) => ({ name: c.name, data: c.data })),
    schema: [{ name: 'schema', num_children: columns.length }, ...columns.flatMap((c) => c.schema)],
    statistics: false,
    ...(kvMetadata ? { kvMetadata } : {}),
  });
  await writeFileAtomic(path, new Uint8Array(writer.getBuffer()));
}

/** Running minimum, maximum, mean and spread of vectors. */
type Moments = { min: number[]; max: number[]; sum: number[]; squares: number[]; count: number };
const noMoments = (n: number): Moments => ({
  min: new Array<number>(n).fill(Number.POSITIVE_INFINITY),
  max: new Array<number>(n).fill(Number.NEGATIVE_INFINITY),
  sum: new Array<number>(n).fill(0),
  squares: new Array<number>(n).fill(0),
  count: 0,
});

function addTo(m: Moments, v: readonly number[]): void {
  v.forEach((x, i) => {
    m.min[i] = Math.min(m.min[i]!, x);
    m.max[i] = Math.max(m.max[i]!, x);
    m.sum[i]! += x;
    m.squares[i]! += x * x;
  });
  m.count++;
}

function summary(m: Moments): Record<string, number[]> {
  const mean = m.sum.map((s) => s / m.count);
  const std = m.squares.map((s, i) => Math.sqrt(Math.max(0, s / m.count - mean[i]! ** 2)));
  return { min: m.min, max: m.max, mean, std, count: [m.count] };
}

const number3 = (n: number): string => String(n).padStart(3, '0');
const FRAMES_PER_FILE = 4000;

type Part = { episode: number; frames: RobotFrame[]; task: number; from: number };

function dataColumns(parts: readonly Part[], layout: LeRobotLayout): Column[] {
  const rows = parts.flatMap((p) => p.frames.map((f, i) => ({ f, i, p })));
  const column = (name: string, schema: SchemaRow[], of: (r: (typeof rows)[number]) => unknown): Column => ({
    name,
    schema,
    data: rows.map(of),
  });
  return [
    ...Object.keys(layout.cameras).map((c) =>
      column(`observation.images.${c}`, image(`observation.images.${c}`), ({ f, i, p }) => ({
        bytes: f.images[c],
        path: `${c}-${p.episode}-${i}.png`,
      })),
    ),
    column('observation.state', floats('observation.state'), ({ f }) => [...f.state]),
    column('action', floats('action'), ({ f }) => [...f.action]),
    column('timestamp', scalar('timestamp', 'FLOAT'), ({ i }) => i / layout.fps),
    column('frame_index', scalar('frame_index', 'INT64'), ({ i }) => BigInt(i)),
    column('episode_index', scalar('episode_index', 'INT64'), ({ p }) => BigInt(p.episode)),
    column('index', scalar('index', 'INT64'), ({ i, p }) => BigInt(p.from + i)),
    column('task_index', scalar('task_index', 'INT64'), ({ p }) => BigInt(p.task)),
    column('next.done', scalar('next.done', 'BOOLEAN'), ({ i, p }) => i === p.frames.length - 1),
  ];
}

function checkFrame(f: RobotFrame, layout: LeRobotLayout, place: string): void {
  const wrong = (what: string) => new BowError('data', `a frame ${what}`, { place });
  if (f.state.length !== layout.stateNames.length)
    throw wrong(`with ${f.state.length} state numbers, not ${layout.stateNames.length}`);
  if (f.action.length !== layout.actionNames.length)
    throw wrong(`with ${f.action.length} action numbers, not ${layout.actionNames.length}`);
  if (![...f.state, ...f.action].every(Number.isFinite)) throw wrong('with a number that is not finite');
  for (const c of Object.keys(layout.cameras)) if (!f.images[c]) throw wrong(`without the image of camera "${c}"`);
}

/** Writes a dataset; `info.json` comes last, so a folder without it is unfinished. Returns the counts. */
export async function writeLeRobot(
  folder: string,
  episodes: AsyncIterable<RobotEpisode> | Iterable<RobotEpisode>,
  layout: LeRobotLayout,
): Promise<{ episodes: number; frames: number; tasks: number }> {
  const tasks: string[] = [];
  const records: { tasks: string[]; length: number; file: number; from: number }[] = [];
  const moments = { state: noMoments(layout.stateNames.length), action: noMoments(layout.actionNames.length) };
  let parts: Part[] = [];
  let waiting = 0;
  let file = 0;
  let frames = 0;
  const flush = async () => {
    if (parts.length === 0) return;
    await writeParquet(join(folder, `data/chunk-000/file-${number3(file)}.parquet`), dataColumns(parts, layout));
    [parts, waiting] = [[], 0];
    file++;
  };
  for await (const e of episodes) {
    if (e.frames.length === 0)
      throw new BowError('data', 'an episode without frames', { place: `episode ${records.length}` });
    let task = tasks.indexOf(e.task);
    if (task < 0) task = tasks.push(e.task) - 1;
    for (const f of e.frames) {
      checkFrame(f, layout, `episode ${records.length}`);
      addTo(moments.state, f.state);
      addTo(moments.action, f.action);
    }
    parts.push({ episode: records.length, frames: [...e.frames], task, from: frames });
    records.push({ tasks: [e.task], length: e.frames.length, file, from: frames });
    frames += e.frames.length;
    waiting += e.frames.length;
    if (waiting >= FRAMES_PER_FILE) await flush();
  }
  await flush();
  if (records.length === 0) throw new BowError('data', 'a dataset needs at least one episode', { place: folder });
  await writeMeta(folder, tasks, records);
  await writeFileAtomic(
    join(folder, 'meta/stats.json'),
    JSON.stringify({ 'observation.state': summary(moments.state), action: summary(moments.action) }, null, 2),
  );
  await writeFileAtomic(
    join(folder, 'meta/info.json'),
    JSON.stringify(infoOf(layout, records.length, frames, tasks.length), null, 2),
  );
  return { episodes: records.length, frames, tasks: tasks.length };
}

/** pandas keeps the tasks' names as the table's index; its reader looks for this note. */
function pandasIndex(name: string): { key: string; value: string }[] {
  const column = (n: string, numpy: string, pandas: string) => ({
    name: n,
    field_name: n,
    pandas_type: pandas,
    numpy_type: numpy,
    metadata: null,
  });
  const value = {
    index_columns: [name],
    column_indexes: [],
    columns: [column('task_index', 'int64', 'int64'), { ...column(name, 'object', 'unicode'), name: null }],
    creator: { library: 'bow2bot', version: '0' },
    pandas_version: '2.0.0',
  };
  return [{ key: 'pandas', value: JSON.stringify(value) }];
}

async function writeMeta(
  folder: string,
  tasks: readonly string[],
  records: readonly { tasks: string[]; length: number; file: number; from: number }[],
): Promise<void> {
  const index = '__index_level_0__';
  await writeParquet(
    join(folder, 'meta/tasks.parquet'),
    [
      { name: 'task_index', schema: scalar('task_index', 'INT64'), data: tasks.map((_, i) => BigInt(i)) },
      { name: index, schema: text(index), data: [...tasks] },
    ],
    pandasIndex(index),
  );
  const int = (name: string, of: (r: (typeof records)[number], i: number) => number): Column => ({
    name,
    schema: scalar(name, 'INT64'),
    data: records.map((r, i) => BigInt(of(r, i))),
  });
  await writeParquet(join(folder, 'meta/episodes/chunk-000/file-000.parquet'), [
    int('episode_index', (_, i) => i),
    {
      name: 'tasks',
      schema: listOf('tasks', { name: '', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' }),
      data: records.map((r) => r.tasks),
    },
    int('length', (r) => r.length),
    int('data/chunk_index', () => 0),
    int('data/file_index', (r) => r.file),
    int('dataset_from_index', (r) => r.from),
    int('dataset_to_index', (r) => r.from + r.length),
    int('meta/episodes/chunk_index', () => 0),
    int('meta/episodes/file_index', () => 0),
  ]);
}

function infoOf(layout: LeRobotLayout, episodes: number, frames: number, tasks: number): Record<string, unknown> {
  const one = (dtype: string) => ({ dtype, shape: [1], names: null });
  const images = Object.entries(layout.cameras).map(([name, { width, height }]) => [
    `observation.images.${name}`,
    { dtype: 'image', shape: [height, width, 3], names: ['height', 'width', 'channels'] },
  ]);
  return {
    codebase_version: 'v3.0',
    robot_type: layout.robotType,
    total_episodes: episodes,
    total_frames: frames,
    total_tasks: tasks,
    chunks_size: 1000,
    data_files_size_in_mb: 100,
    video_files_size_in_mb: 500,
    fps: layout.fps,
    splits: { train: `0:${episodes}` },
    data_path: 'data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet',
    video_path: null,
    features: {
      ...Object.fromEntries(images),
      'observation.state': { dtype: 'float32', shape: [layout.stateNames.length], names: layout.stateNames },
      action: { dtype: 'float32', shape: [layout.actionNames.length], names: layout.actionNames },
      timestamp: one('float32'),
      frame_index: one('int64'),
      episode_index: one('int64'),
      index: one('int64'),
      task_index: one('int64'),
      'next.done': one('bool'),
    },
  };
}
