/** What must come out the same in every engine: run in Node and in a browser by `same-bits.test.ts`. */
import { hash32, Rng } from '../../base/index.ts';
import {
  cameras,
  captionSample,
  createRenderer,
  createSimulation,
  loadEngine,
  motionSession,
  oracle,
  runEpisode,
  sampleScene,
  sampleTask,
} from '../index.ts';

const number = (values: ArrayLike<number>): number => hash32(new Uint8Array(Float64Array.from(values).buffer));

/** Hashes of images, language, physics and whole episodes. */
export async function fingerprint(o: { wasmUrl?: string } = {}): Promise<Record<string, number | string>> {
  const out: Record<string, number | string> = {};
  const renderer = createRenderer();
  for (const quality of ['fast', 'standard', 'fine'] as const) {
    for (const camera of ['oblique', 'top', 'wide'] as const) {
      const frame = renderer.render(sampleScene(new Rng(`${quality}${camera}`)), cameras[camera], {
        width: 71,
        quality,
      });
      out[`${quality} ${camera} rgb`] = hash32(frame.rgb);
      out[`${quality} ${camera} depth`] = number(frame.depth);
      out[`${quality} ${camera} parts`] = number(frame.part);
    }
  }
  for (let i = 0; i < 40; i++) {
    const s = captionSample(i, { size: 32 });
    out[`sample ${i}`] = hash32(JSON.stringify({ ...s, image: hash32(s.image) }));
  }
  const engine = await loadEngine(o);
  out['engine'] = engine.version;
  for (const family of ['T2', 'T3', 'T5', 'T6', 'T11'] as const) {
    const task = sampleTask(family, { seed: 4 });
    const sim = createSimulation(engine, task.scene, { tool: task.tool });
    const outcome = await runEpisode(sim, task, motionSession(sim, oracle(sim, task.goal)));
    out[`${family} steps`] = outcome.steps;
    out[`${family} state`] = number(sim.snapshot().physics);
    const frame = renderer.render(sim.scene(), cameras.wide, { width: 67, extras: sim.robot() });
    out[`${family} picture`] = hash32(frame.rgb);
    sim.dispose();
  }
  return out;
}
