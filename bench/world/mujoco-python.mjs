// The same scene in MuJoCo's Python package: physics steps/s, and frames/s of its software renderer where one is installed (OSMesa or EGL).
// usage: node bench/world/mujoco-python.mjs      (after npm run build; skipped with a message where Python lacks mujoco)
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSimulation, loadEngine, modelOf, sampleTask } from '../../dist/world/index.js';
import { mjcf } from '../../dist/world/physics/mjcf.js';
import { homeJoints } from '../../dist/world/physics/robot.js';

const python = `
import sys, time, os
try:
    import mujoco
except ImportError:
    print("skipped: Python has no mujoco package (pip install mujoco)"); sys.exit(0)
model = mujoco.MjModel.from_xml_path(sys.argv[1]); data = mujoco.MjData(model)
home = [float(x) for x in sys.argv[2].split(",")]
data.qpos[:6] = home; data.ctrl[:6] = home
for b in range(8):
    try:
        a = model.joint(f"j{b}").qposadr[0]; data.qpos[a:a+3] = [-0.15 + 0.1 * b, -0.1, 0.03]
    except KeyError: pass
for _ in range(500): mujoco.mj_step(model, data)
best = 0
for _ in range(5):
    t = time.perf_counter()
    for _ in range(2000): mujoco.mj_step(model, data)
    best = max(best, 2000 / (time.perf_counter() - t))
print(f"MuJoCo {mujoco.__version__} in Python: {best:.0f} steps/s (best of 5 runs of 2000)")
`;

const renderer = `
import sys, time
try:
    import mujoco
    model = mujoco.MjModel.from_xml_path(sys.argv[1]); data = mujoco.MjData(model); mujoco.mj_forward(model, data)
    for size in (64, 96, 128):
        r = mujoco.Renderer(model, size, size); r.update_scene(data); r.render()
        t = time.perf_counter()
        for _ in range(20): r.update_scene(data); r.render()
        print(f"software renderer {size} px: {(time.perf_counter() - t) * 50:.2f} ms a frame"); r.close()
except Exception as e:
    print("software renderer: skipped,", str(e).splitlines()[0][:120])
`;

const folder = mkdtempSync(join(tmpdir(), 'bow2bot-bench-'));
try {
  const task = sampleTask('T5', { seed: 2 });
  const objects = task.scene.objects;
  const fixed = objects.map((o) => (modelOf(o.kind, o.size).fixed ? o.pose : undefined));
  writeFileSync(join(folder, 'scene.xml'), mjcf(objects, 'suction', fixed));
  const engine = await loadEngine();
  const sim = createSimulation(engine, task.scene);
  let best = 0;
  for (let k = 0; k < 5; k++) {
    const t = performance.now();
    sim.wait(4);
    best = Math.max(best, 2_000_000 / (performance.now() - t));
  }
  console.log(`MuJoCo ${engine.version} in WebAssembly: ${best.toFixed(0)} steps/s (best of 5 runs of 2000)`);
  const args = ['-c', python, join(folder, 'scene.xml'), homeJoints('suction').join(',')];
  const run = (args, env) => spawnSync('python3', args, { encoding: 'utf8', env: { ...process.env, ...env } });
  const side = run(args, { MUJOCO_GL: 'disabled' });
  process.stdout.write(side.error ? 'skipped: no python3\n' : side.stdout || side.stderr);
  if (!side.error && !side.stdout.startsWith('skipped')) {
    const drawn = run(['-c', renderer, join(folder, 'scene.xml')], { MUJOCO_GL: process.env.MUJOCO_GL ?? 'osmesa' });
    process.stdout.write(drawn.stdout || 'software renderer: skipped, no OSMesa\n');
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
