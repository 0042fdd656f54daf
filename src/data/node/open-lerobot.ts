/**
 * Reads LeRobotDataset folders: v3, many episodes in a file, and v2, an episode a file (their `tasks.jsonl` and `episodes.jsonl`). What the folder says
 * twice is compared: numbers of episodes and frames, lengths, tasks; where they differ it is an error, since a part of the set would be lost or mixed up.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { BowError, parseJson, throwIfAborted } from '../../base/index.ts';
import { fileError, readText } from '../../base/node/index.ts';
import { pathInside } from './image-files.ts';
import type { LeRobotLayout, RobotEpisode, RobotFrame } from './lerobot.ts';
import { parquetRows, type ParquetRow as Row } from './parquet.ts';

export type LeRobotDataset = {
  readonly layout: LeRobotLayout;
  readonly episodes: number;
  readonly frames: number;
  /** Tasks in the order of their `task_index`. */
  readonly tasks: readonly string[];
  /** Features that the set has and that are not read, each with its type and shape: rewards, depths, second states. */
  readonly unread: readonly string[];
  /** Episodes in order; the file of an episode is read when its turn comes. Error `data` where rows and episodes do not agree. */
  readonly read: (o?: { signal?: AbortSignal }) => AsyncGenerator<RobotEpisode>;
};

const feature = z.object({
  dtype: z.string(),
  shape: z.array(z.number().int().nonnegative()),
  names: z.unknown(),
});
const infoSchema = z.object({
  codebase_version: z.string(),
  robot_type: z.string().nullish(),
  total_episodes: z.number().int().nonnegative(),
  total_frames: z.number().int().nonnegative(),
  fps: z.number().positive(),
  chunks_size: z.number().int().positive().default(1000),
  data_path: z.string(),
  features: z.record(z.string(), feature),
});
type Info = z.infer<typeof infoSchema>;

/** What the folder says of an episode: its length and the file of its rows. */
type EpisodeRecord = { readonly index: number; readonly length: number; readonly file: string };

/** Columns that number rows and episodes; all others are features of the robot. */
const bookkeeping = ['timestamp', 'frame_index', 'episode_index', 'index', 'task_index', 'next.done'];

/**
 * Opens a dataset whose images are in its parquet files. Error `data`: missing, foreign or broken files, video features, episodes and tasks that are
 * missing, twice there, or of other lengths than the folder says.
 */
export async function openLeRobot(folder: string): Promise<LeRobotDataset> {
  const place = join(folder, 'meta/info.json');
  const info = readInfo(await readText(place), place);
  const legacy = majorOf(info, place) === 2;
  const video = Object.entries(info.features).find(([, f]) => f.dtype === 'video');
  if (video)
    throw new BowError('data', `"${video[0]}" is a video; only images inside the parquet files can be read`, { place });
  const tasks = legacy ? await tasksOfLines(folder) : await tasksOfTable(folder);
  const records = legacy ? await episodesOfLines(folder, info) : await episodesOfTables(folder, info);
  checkRecords(records, info, place);
  const { layout, keys } = layoutOf(info, place);
  return {
    layout,
    episodes: info.total_episodes,
    frames: info.total_frames,
    tasks: [...tasks].sort(([a], [b]) => a - b).map(([, task]) => task),
    unread: Object.entries(info.features)
      .filter(([key]) => !keys.includes(key) && !bookkeeping.includes(key))
      .map(([key, f]) => `${key} (${f.dtype} [${f.shape.join(', ')}])`),
    read: (o = {}) => readEpisodes(folder, records, { layout, keys, tasks }, o.signal),
  };
}

function readInfo(text: string, place: string): Info {
  const parsed = infoSchema.safeParse(parseJson(text, place));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new BowError('data', `not a LeRobot dataset: ${issue.message}`, { place: `${place}: ${issue.path.join('.')}` });
}

function majorOf(info: Info, place: string): number {
  const major = Number(/^v?(\d+)\.\d+/.exec(info.codebase_version)?.[1]);
  if (major === 2 || major === 3) return major;
  throw new BowError('data', `a LeRobot dataset of version ${info.codebase_version}; versions 2 and 3 can be read`, {
    place,
  });
}

async function jsonLines(path: string): Promise<Row[]> {
  const lines = (await readText(path)).split('\n');
  return lines.flatMap((line, i) => (line.trim() === '' ? [] : [parseJson(line, path, { line: i + 1 }) as Row]));
}

/** A whole number of a column, which may be 64 bits wide. */
function whole(row: Row, key: string, place: string): number {
  const v = row[key];
  const n = typeof v === 'bigint' ? Number(v) : v;
  if (typeof n === 'number' && Number.isSafeInteger(n) && n >= 0) return n;
  const what = v === undefined || v === null ? 'is missing' : `is not a count: ${String(v)}`;
  throw new BowError('data', `"${key}" ${what}`, { place });
}

function textOf(v: unknown): string | undefined {
  if (v instanceof Uint8Array) return new TextDecoder().decode(v);
  return typeof v === 'string' ? v : undefined;
}

/** Tasks by their number; pandas keeps their names as the index of the table, under one of several names. */
async function tasksOfTable(folder: string): Promise<ReadonlyMap<number, string>> {
  const place = join(folder, 'meta/tasks.parquet');
  return numbered(await parquetRows(place), place, (row) => {
    const others = Object.keys(row).filter((key) => key !== 'task_index');
    const key =
      ['__index_level_0__', 'task'].find((k) => others.includes(k)) ?? (others.length === 1 ? others[0]! : '');
    return textOf(row[key]);
  });
}

async function tasksOfLines(folder: string): Promise<ReadonlyMap<number, string>> {
  const place = join(folder, 'meta/tasks.jsonl');
  return numbered(await jsonLines(place), place, (row) => textOf(row['task']));
}

function numbered(
  rows: readonly Row[],
  place: string,
  of: (row: Row) => string | undefined,
): ReadonlyMap<number, string> {
  const tasks = new Map<number, string>();
  for (const row of rows) {
    const index = whole(row, 'task_index', place);
    const task = of(row);
    if (task === undefined) throw new BowError('data', `task ${index} has no text`, { place });
    if (tasks.has(index)) throw new BowError('data', `task ${index} is there twice`, { place });
    tasks.set(index, task);
  }
  return tasks;
}

/** All files of `meta/episodes`, whatever chunk they are in. */
async function episodesOfTables(folder: string, info: Info): Promise<EpisodeRecord[]> {
  const top = join(folder, 'meta/episodes');
  const records: EpisodeRecord[] = [];
  for (const chunk of await namesIn(top)) {
    if (chunk.isFile()) continue;
    for (const file of await namesIn(join(top, chunk.name))) {
      if (!file.name.endsWith('.parquet')) continue;
      const place = join(top, chunk.name, file.name);
      for (const row of await parquetRows(place)) {
        const index = whole(row, 'episode_index', place);
        const at = {
          chunk_index: whole(row, 'data/chunk_index', place),
          file_index: whole(row, 'data/file_index', place),
          episode_index: index,
        };
        records.push({ index, length: whole(row, 'length', place), file: dataFile(info, at, folder) });
      }
    }
  }
  return records;
}

async function namesIn(path: string) {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.filter((e) => !e.name.startsWith('.')).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (e) {
    throw fileError(e, path);
  }
}

async function episodesOfLines(folder: string, info: Info): Promise<EpisodeRecord[]> {
  const place = join(folder, 'meta/episodes.jsonl');
  return (await jsonLines(place)).map((row) => {
    const index = whole(row, 'episode_index', place);
    const at = { episode_chunk: Math.floor(index / info.chunks_size), episode_index: index };
    return { index, length: whole(row, 'length', place), file: dataFile(info, at, folder) };
  });
}

/** The path that `data_path` makes, a format of Python with whole numbers, below the folder. */
function dataFile(info: Info, numbers: Readonly<Record<string, number>>, folder: string): string {
  const place = `${join(folder, 'meta/info.json')}: data_path`;
  const path = info.data_path.replace(/\{(\w+)(?::0?(\d{0,2})d)?\}/g, (_, name: string, width = '0') => {
    const n = Object.hasOwn(numbers, name) ? numbers[name] : undefined;
    if (n === undefined) throw new BowError('data', `"${name}" is not known`, { place });
    return String(n).padStart(Number(width), '0');
  });
  if (/[{}]/.test(path)) throw new BowError('data', `${JSON.stringify(path)} still has a place to fill`, { place });
  return pathInside(folder, path, place);
}

/** Sorts the episodes and compares them with what info.json counts. */
function checkRecords(records: EpisodeRecord[], info: Info, place: string): void {
  records.sort((a, b) => a.index - b.index);
  const wrong = (what: string): BowError => new BowError('data', what, { place });
  if (records.length !== info.total_episodes)
    throw wrong(`meta/episodes has ${records.length} episodes, total_episodes says ${info.total_episodes}`);
  records.forEach((r, i) => {
    if (records[i + 1]?.index === r.index) throw wrong(`meta/episodes has episode ${r.index} twice`);
  });
  const frames = records.reduce((sum, r) => sum + r.length, 0);
  if (frames !== info.total_frames)
    throw wrong(`the episodes have ${frames} frames, total_frames says ${info.total_frames}`);
}

/** Keys of the features that are read: state, action, then the cameras in the order of the layout. */
type Layout = { readonly layout: LeRobotLayout; readonly keys: readonly string[] };

function layoutOf(info: Info, place: string): Layout {
  const names = (key: string): string[] => {
    const f = info.features[key];
    if (!f) return [];
    const n = f.shape.reduce((a, b) => a * b, 1);
    const list = axisNames(f.names);
    return list?.length === n ? list : Array.from({ length: n }, (_, i) => `${key}.${i}`);
  };
  const images = Object.entries(info.features).filter(([, f]) => f.dtype === 'image');
  const cameras = images.map(([key, f]) => {
    const axes = axisNames(f.names) ?? [];
    const size = (name: string, at: number): number => f.shape[axes.includes(name) ? axes.indexOf(name) : at] ?? 0;
    return [key.replace(/^observation\.images\./, ''), { width: size('width', 1), height: size('height', 0) }] as const;
  });
  if (new Set(cameras.map(([name]) => name)).size < cameras.length)
    throw new BowError('data', 'two cameras have the same name', { place: `${place}: features` });
  const layout = {
    fps: info.fps,
    robotType: info.robot_type ?? '',
    stateNames: names('observation.state'),
    actionNames: names('action'),
    cameras: Object.fromEntries(cameras),
  };
  return { layout, keys: ['observation.state', 'action', ...images.map(([key]) => key)] };
}

/** Names are a list, or a list under the name of its kind: `{ motors: […] }`. */
function axisNames(names: unknown): string[] | undefined {
  const list = Array.isArray(names) ? names : Object.values(names ?? {})[0];
  return Array.isArray(list) ? list.map(String) : undefined;
}

async function* readEpisodes(
  folder: string,
  records: readonly EpisodeRecord[],
  set: Layout & { readonly tasks: ReadonlyMap<number, string> },
  signal: AbortSignal | undefined,
): AsyncGenerator<RobotEpisode> {
  let open: { path: string; rows: ReadonlyMap<number, readonly Row[]> } | undefined;
  for (const r of records) {
    throwIfAborted(signal, folder);
    if (open?.path !== r.file) open = { path: r.file, rows: await rowsByEpisode(r.file, records) };
    const rows = open.rows.get(r.index) ?? [];
    const place = `${r.file}: episode ${r.index}`;
    if (rows.length !== r.length)
      throw new BowError('data', `the episode has ${rows.length} frames, not ${r.length}`, { place });
    if (rows.length === 0) throw new BowError('data', 'an episode without frames', { place });
    const tasks = rows.map((row) => {
      const index = whole(row, 'task_index', place);
      const task = set.tasks.get(index);
      if (task === undefined) throw new BowError('data', `there is no task ${index}`, { place });
      return task;
    });
    const frames = rows.map((row, i) => frameOf(row, set, `${place}, frame ${i}`));
    const same = tasks.every((task) => task === tasks[0]);
    yield { task: tasks[0]!, frames, ...(same ? {} : { taskOfFrame: tasks }) };
  }
}

/** Rows of a file by episode, each episode in the order of its frames; rows of an episode that belongs elsewhere are an error. */
async function rowsByEpisode(
  path: string,
  records: readonly EpisodeRecord[],
): Promise<ReadonlyMap<number, readonly Row[]>> {
  const own = new Set(records.filter((r) => r.file === path).map((r) => r.index));
  const rows = new Map<number, Row[]>();
  const stray = new Set<number>();
  for (const row of await parquetRows(path)) {
    const index = whole(row, 'episode_index', path);
    const list = rows.get(index) ?? [];
    rows.set(index, list);
    if (!own.has(index)) stray.add(index);
    const before = list.at(-1);
    const frame = whole(row, 'frame_index', path);
    if (before && frame <= whole(before, 'frame_index', path))
      throw new BowError('data', `frame ${frame} of episode ${index} is not in its place`, { place: path });
    list.push(row);
  }
  if (stray.size > 0) {
    throw new BowError('data', `rows of episodes that meta/episodes does not have in this file`, {
      place: path,
      detail: { episodes: [...stray].slice(0, 8), count: stray.size },
    });
  }
  return rows;
}

function frameOf(row: Row, { layout, keys }: Layout, place: string): RobotFrame {
  const wrong = (what: string): BowError => new BowError('data', what, { place });
  const numbers = (key: string, count: number): number[] => {
    if (count === 0) return [];
    const list = [row[key]].flat(2) as unknown[]; // a single number is not in a list
    const values = list.flatMap((v) => (ArrayBuffer.isView(v) ? Array.from(v as Float32Array, Number) : [Number(v)]));
    if (values.length !== count || values.some((v) => Number.isNaN(v))) throw wrong(`"${key}" is not ${count} numbers`);
    return values;
  };
  const images = Object.keys(layout.cameras).map((camera, i) => {
    const { bytes } = (row[keys[i + 2]!] ?? {}) as { bytes?: unknown };
    if (!(bytes instanceof Uint8Array)) throw wrong(`camera "${camera}" has no image in the file`);
    return [camera, bytes] as const;
  });
  return {
    images: Object.fromEntries(images),
    state: numbers('observation.state', layout.stateNames.length),
    action: numbers('action', layout.actionNames.length),
  };
}
