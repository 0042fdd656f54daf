import { join } from 'node:path';
import type { Command } from 'commander';
import { BowError, Rng } from '../../base/index.ts';
import { readText, writeFileAtomic } from '../../base/node/index.ts';
import { encodePng } from '../../image/index.ts';
import {
  boxesOf,
  type CameraName,
  cameraByName,
  cameras,
  caption,
  createRenderer,
  type Frame,
  type Quality,
  readScene,
  type Scene,
  type Split,
  sampleScene,
  sceneCamera,
  splits,
} from '../../world/index.ts';
import { choice, refuseGiven, wholeNumber } from '../options.ts';
import { type OutputOptions, printResult } from '../output.ts';

type Options = OutputOptions & {
  output: string;
  scene?: string;
  camera: CameraName | 'fit';
  size: number;
  seed: string;
  split: Split;
  quality: Quality;
  show: 'rgb' | 'depth' | 'instance' | 'part';
};

/** Adds `world render`. */
export function addRender(world: Command): void {
  world
    .command('render')
    .description('one image of a scene, drawn at random or read from a JSON file')
    .option('-o, --output <file>', 'PNG file to write', join('runs', 'scene.png'))
    .option('--scene <file>', 'scene as JSON instead of a random one')
    .addOption(choice('--camera <name>', 'where it is seen from', ['fit', ...Object.keys(cameras)], 'fit'))
    .option('--size <pixels>', 'width and height', wholeNumber('size', 8, 2048), 320)
    .option('--seed <seed>', 'seed of the random scene', '0')
    .addOption(choice('--split <name>', 'split of the random scene', splits, 'train'))
    .addOption(choice('--quality <name>', 'quality of the image', ['fast', 'standard', 'fine'], 'fine'))
    .addOption(choice('--show <what>', 'what the image shows', ['rgb', 'depth', 'instance', 'part'], 'rgb'))
    .addHelpText(
      'before',
      `Examples:
  bow2bot world render --seed 7 -o seven.png
  bow2bot world render --scene mine.json --camera top --show instance
`,
    )
    .action(render);
}

async function render(o: Options, command: Command): Promise<void> {
  if (o.scene !== undefined) refuseGiven(command, ['split'], 'with --scene');
  const rng = new Rng(`${o.seed}/render`);
  const scene =
    o.scene !== undefined ? readScene(parseJson(await readText(o.scene), o.scene)) : sampleScene(rng, o.split);
  const camera =
    o.camera === 'fit' && scene.objects.length > 0
      ? sceneCamera(scene, rng)
      : cameraByName(o.camera === 'fit' ? 'oblique' : o.camera);
  const frame = createRenderer().render(scene, camera, { width: o.size, quality: o.quality });
  await writeFileAtomic(
    o.output,
    encodePng({ width: frame.width, height: frame.height, channels: 3, data: pixels(frame, o.show) }),
  );
  const result = { file: o.output, caption: caption(scene, rng, 'plain'), boxes: boxesOf(frame, scene), scene };
  printResult(o, result, () => describeResult(o.output, result.caption, scene));
}

function describeResult(file: string, text: string, scene: Scene): string {
  return [
    `${file}  ${text}`,
    ...scene.objects.map((x) => `  ${x.id}  ${x.size} ${x.colour} ${x.pattern} ${x.kind}`),
  ].join('\n');
}

function parseJson(text: string, place: string): unknown {
  try {
    return JSON.parse(text);
  } catch (e) {
    throw new BowError('data', `not JSON: ${(e as Error).message}`, { place, cause: e });
  }
}

/** What to show as RGB: depth in grey (near is light), masks in one colour a number. */
function pixels(frame: Frame, show: Options['show']): Uint8Array {
  if (show === 'rgb') return frame.rgb;
  const out = new Uint8Array(frame.rgb.length);
  const far = frame.depth.reduce((m, d) => Math.max(m, d), 0.01);
  for (let k = 0; k < frame.depth.length; k++) {
    if (show === 'depth') out.fill(255 * (1 - frame.depth[k]! / far), 3 * k, 3 * k + 3);
    else out.set(maskColour((show === 'part' ? frame.part : frame.instance)[k]!), 3 * k);
  }
  return out;
}

function maskColour(id: number): [number, number, number] {
  if (id < 0) return id === -1 ? [24, 24, 28] : [90, 90, 96];
  const h = Math.imul(id + 1, 0x9e3779b1) >>> 0;
  return [64 + (h & 191), 64 + ((h >>> 8) & 191), 64 + ((h >>> 16) & 191)];
}
