// A training command over the compiled package, as `bow2bot train <system>` is one, for tests that stop and kill processes.
import { Command } from 'commander';
import { z } from 'zod';
import { exitCode, Rng } from '../../../dist/base/index.js';
import { errorLine, outputOptions } from '../../../dist/cli/output.js';
import { runTraining, trainingOptions } from '../../../dist/cli/training.js';
import { ndarray } from '../../../dist/engine/index.js';
import { linear } from '../../../dist/nn/index.js';
import { arraySource } from '../../../dist/train/index.js';

/** x [n, 2] → sin(3x₀)·x₁. */
function waves(n, seed) {
  const rng = new Rng(seed);
  const x = Float32Array.from({ length: 2 * n }, () => rng.uniform(-1, 1));
  const y = Float32Array.from({ length: n }, (_, i) => Math.sin(3 * x[2 * i]) * x[2 * i + 1]);
  return arraySource({ x: ndarray('float32', [n, 2], x), y: ndarray('float32', [n, 1], y) });
}

const trainable = {
  id: 'waves',
  objectives: {
    regression: {
      trace(s, { x, y }) {
        const h = linear(s.at('hidden'), x, 61).tanh();
        const kept = s.training ? h.mul(s.noise('noise', h.shape).mul(0.2).add(0.9)) : h;
        return { loss: linear(s.at('out'), kept, 1).sub(y).square().mean() };
      },
      source: waves(503, 1),
      validation: waves(101, 2),
    },
  },
  config: { model_type: 'waves' },
};

const system = {
  ...{ id: 'waves', title: 'waves', paper: '', variants: [], layouts: [] },
  training: {
    data: { schema: z.record(z.string(), z.json()) },
    presets: { default: { batchSize: 31 }, smoke: { batchSize: 31 } },
    presetFor: {},
    stages: ['fit'],
    prepare: async () => ({ stages: [{ id: 'fit', trainable: async () => trainable }], data: undefined, report: {} }),
  },
};

const command = trainingOptions(new Command('waves').option('--epsilon <x>')).action((o) =>
  runTraining(system, o.epsilon === undefined ? {} : { optimizer: { eps: Number(o.epsilon) } }, o),
);
try {
  await outputOptions(command).parseAsync();
} catch (e) {
  process.stderr.write(errorLine(e, process.argv.includes('--json')));
  process.exit(exitCode(e));
}
