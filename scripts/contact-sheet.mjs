// Draws docs/images/tabletop.png: every kind of object plain and patterned at 96 pixels, random caption scenes at 64, 96 and 128 pixels, and an episode.
// usage: node scripts/contact-sheet.mjs      (after npm run build)
import { mkdirSync, writeFileSync } from 'node:fs';
import { encodePng } from '../dist/image/index.js';
import {
  cameras,
  captionSample,
  colours,
  createRenderer,
  framing,
  kinds,
  loadEngine,
  modelOf,
  motionSession,
  oracle,
  patterns,
  recordEpisode,
  recordingFrames,
  soloScene,
  taskFor,
  themes,
} from '../dist/world/index.js';

const WIDTH = 960;
const rows = [];
const renderer = createRenderer();

/** Puts images side by side until the row is full. */
function addRow(images) {
  const height = images[0].height;
  const rgb = new Uint8Array(3 * WIDTH * height).fill(255);
  let x = 0;
  for (const p of images) {
    if (x + p.width > WIDTH) break;
    for (let y = 0; y < height; y++)
      rgb.set(p.rgb.subarray(3 * y * p.width, 3 * (y + 1) * p.width), 3 * (y * WIDTH + x));
    x += p.width;
  }
  rows.push({ height, rgb });
}

const shown = kinds.filter((k) => k !== 'bead');
for (const patterned of [false, true]) {
  const images = shown.map((kind, i) => {
    const look = {
      kind,
      colour: colours[(i * 3 + (patterned ? 1 : 0)) % 8],
      pattern: patterned ? patterns[1 + (i % 3)] : 'plain',
      size: 'medium',
    };
    const scene = soloScene(look, 0.4, themes[i % themes.length]);
    const o = { ...scene.objects[0], joint: 0.7 * (modelOf(kind, 'medium').moving?.range[1] ?? 0) };
    const camera = framing([{ at: o.pose.pos, radius: modelOf(kind, 'medium').radius }], {
      azimuth: -Math.PI / 2,
      elevation: 0.8,
      fovy: 30,
    });
    return renderer.render({ ...scene, objects: [o] }, camera, { width: 96 });
  });
  for (let i = 0; i < images.length; i += 10) addRow(images.slice(i, i + 10));
}
for (const size of [64, 96, 128]) {
  addRow(
    Array.from({ length: Math.floor(WIDTH / size) }, (_, i) => {
      const s = captionSample(i + size, { size, seed: 'sheet' });
      return { width: size, height: size, rgb: s.image };
    }),
  );
}
const engine = await loadEngine();
for (const [sentence, camera] of [
  ['put the red block in the blue bowl', 'wide'],
  ['put the green cube in the drawer', 'oblique'],
]) {
  const task = taskFor(sentence, { seed: 1 });
  const recording = await recordEpisode(engine, task, (sim) => motionSession(sim, oracle(sim, task.goal)));
  const stride = Math.max(1, Math.ceil(recording.actions.length / 4));
  addRow([...recordingFrames(recording, cameras[camera], { width: 192, stride, quality: 'fine' })]);
}

const height = rows.reduce((n, r) => n + r.height, 0);
const data = new Uint8Array(3 * WIDTH * height);
let at = 0;
for (const r of rows) {
  data.set(r.rgb, at);
  at += r.rgb.length;
}
mkdirSync('docs/images', { recursive: true });
writeFileSync('docs/images/tabletop.png', encodePng({ width: WIDTH, height, channels: 3, data }));
console.log(`docs/images/tabletop.png  ${WIDTH} × ${height}`);
