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
import { type OutputOptions, printResult } from '../output.ts';
import { oneOf, wholeNumber } from './world-options.ts';

type Options = OutputOptions & {
  out: string;
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
    .option('-o, --out <file>', 'PNG file to write', 'scene.png')
    .option('--scene <file>', 'scene as JSON instead of a random one')
    .option('--camera <name>', `fit, ${Object.keys(cameras).join(', ')}`, 'fit')
    .option('--size <pixels>', 'width and height', wholeNumber('size', 8, 2048), 320)
    .option('--seed <seed>', 'seed of the random scene', '0')
    .option('--split <name>', splits.join(', '), oneOf('split', splits), 'train')
    .option('--quality <name>', 'fast, standard, fine', oneOf('quality', ['fast', 'standard', 'fine'] as const), 'fine')
    .option(
      '--show <what>',
      'rgb, depth, instance, part',
      oneOf('show', ['rgb', 'depth', 'instance', 'part'] as const),
      'rgb',
    )
    .addHelpText(
      'before',
      `Examples:
  bow2bot world render --seed 7 -o seven.png
  bow2bot world render --scene mine.json --camera top --show instance
`,
    )
    .action(render);
}

async function render(o: Options): Promise<void> {
  const rng = new Rng(`${o.seed}/render`);
  const scene = o.scene ? readScene(parseJson(await readText(o.scene), o.scene)) : sampleScene(rng, o.split);
  const camera =
    o.camera === 'fit' && scene.objects.length > 0
      ? sceneCamera(scene, rng)
      : cameraByName(o.camera === 'fit' ? 'oblique' : o.camera);
  const frame = createRenderer().render(scene, camera, { width: o.size, quality: o.quality });
  await writeFileAtomic(
    o.out,
    encodePng({ width: frame.width, height: frame.height, channels: 3, data: pixels(frame, o.show) }),
  );
  const result = { file: o.out, caption: caption(scene, rng, 'plain'), boxes: boxesOf(frame, scene), scene };
  printResult(o, result, () => describeResult(o.out, result.caption, scene));
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
