import { join } from 'node:path';
import type { Command } from 'commander';
import { BowError } from '../../base/index.ts';
import { readText, writeFileAtomic } from '../../base/node/index.ts';
import { encodeGif, encodePng, type RasterImage } from '../../image/index.ts';
import {
  type CameraName,
  cameraByName,
  cameras,
  loadEngine,
  motionSession,
  oracle,
  type Recording,
  readRecording,
  recordEpisode,
  recordingFrames,
  replay,
  type SkillLog,
  taskFor,
} from '../../world/index.ts';
import { choice, refuseGiven, wholeNumber } from '../options.ts';
import { type OutputOptions, printResult } from '../output.ts';

type Options = OutputOptions & {
  output: string;
  camera: CameraName;
  size: number;
  seed: string;
  distractors: number;
  record?: string;
  replay?: string;
};

/** Adds `world demo`. */
export function addDemo(world: Command): void {
  world
    .command('demo')
    .description('the robot follows an instruction; writes an animation')
    .argument('[instruction]', 'for example: "put the red block in the blue bowl"')
    .option('-o, --output <file>', 'animation (.gif), or its last image (.png)', join('runs', 'demo.gif'))
    .addOption(choice('--camera <name>', 'where it is seen from', Object.keys(cameras), 'wide'))
    .option('--size <pixels>', 'width and height', wholeNumber('size', 32, 640), 256)
    .option('--seed <seed>', 'seed of the scene', '0')
    .option('--distractors <n>', 'distractor objects', wholeNumber('distractors', 0, 6), 2)
    .option('--record <file>', 'write the episode as JSON too')
    .option('--replay <file>', 'render a recorded episode instead, after checking that it replays')
    .addHelpText(
      'before',
      `Examples:
  bow2bot world demo "put the red block in the blue bowl"
  bow2bot world demo "open the drawer" --record open.json
  bow2bot world demo --replay open.json -o open.gif
`,
    )
    .action(demo);
}

async function demo(instruction: string | undefined, o: Options, command: Command): Promise<void> {
  if (!/\.(gif|png)$/i.test(o.output))
    throw new BowError('usage', 'the animation is a .gif file, its last image a .png file', { place: o.output });
  if (o.replay !== undefined) {
    refuseGiven(command, ['seed', 'distractors', 'record'], 'with --replay');
    if (instruction !== undefined) throw new BowError('usage', 'an instruction or --replay, not both');
  }
  const camera = cameraByName(o.camera);
  const engine = await loadEngine();
  const log: SkillLog[] = [];
  let recording: Recording;
  if (o.replay !== undefined) {
    recording = readRecording(parse(await readText(o.replay), o.replay));
    const { deviation } = replay(engine, recording);
    if (deviation > 0)
      throw new BowError('data', `the recording does not replay: off by ${deviation} m`, { place: o.replay });
  } else {
    if (instruction === undefined || instruction.trim() === '')
      throw new BowError('usage', 'no instruction', {
        hint: 'bow2bot world demo "put the red block in the blue bowl"',
      });
    const task = taskFor(instruction, { seed: o.seed, distractors: o.distractors });
    recording = await recordEpisode(engine, task, (sim) => motionSession(sim, oracle(sim, task.goal, log)));
  }
  if (o.record !== undefined) await writeFileAtomic(o.record, JSON.stringify(recording));
  const frames: RasterImage[] = [];
  for (const f of recordingFrames(recording, camera, { width: o.size, quality: 'standard' })) {
    frames.push({ width: f.width, height: f.height, channels: 3, data: f.rgb });
  }
  const bytes = /png$/i.test(o.output) ? encodePng(frames.at(-1)!) : encodeGif(frames, { millisecondsPerFrame: 100 });
  await writeFileAtomic(o.output, bytes);
  // An episode ends as soon as its goal holds, in the middle of the skill that brought it about.
  const last = recording.outcome.success ? log.at(-1) : undefined;
  const plan = log.map((l) => `${l.text}: ${l === last || l.result === 'ok' ? 'done' : l.result}`);
  const result = {
    file: o.output,
    instruction: recording.instruction,
    ...recording.outcome,
    frames: frames.length,
    plan,
  };
  printResult(o, result, () => {
    const verdict = result.success ? 'done' : `failed: ${result.failureReason}`;
    return [
      `${o.output}  "${result.instruction}" ${verdict} in ${(result.steps / 10).toFixed(1)} s`,
      ...plan.map((p) => `  ${p}`),
    ].join('\n');
  });
  if (!result.success) process.exitCode = 1;
}

function parse(text: string, place: string): unknown {
  try {
    return JSON.parse(text);
  } catch (e) {
    throw new BowError('data', `not JSON: ${(e as Error).message}`, { place, cause: e });
  }
}
