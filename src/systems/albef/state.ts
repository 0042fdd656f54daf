/** The momentum twins and queues of a training, as the released checkpoints hold them beside the weights. */
import { BowError } from '../../base/index.ts';
import { type NdArray, ndarray } from '../../engine/index.ts';
import { readTensors, type Safetensors, type TensorData } from '../../hub/index.ts';
import { constant, unitRows } from '../../nn/index.ts';
import type { QueueSpec, Teacher } from '../../train/index.ts';
import type { AlbefConfig } from './config.ts';
import { twinNames } from './names.ts';

/** The momentum model (§3.3): moves before the forward pass of a step. */
export const momentumTeacher = ({ distillation }: AlbefConfig): Teacher => ({
  decay: distillation.momentum,
  update: 'before',
});

/** The queues (§3.3). `ids`: numbers of the images, for retrieval; −100 where nothing came yet. */
export function featureQueues({
  heads,
  distillation: { queue: size },
}: AlbefConfig): Record<'image' | 'text' | 'ids', QueueSpec> {
  const features = { size, width: heads.contrast!, init: unitRows };
  return { image: features, text: features, ids: { size, width: 1, init: constant(-100) } };
}

/** Names of the queues in published files, where they lie as columns. */
const queueKeys = { image: 'image_queue', text: 'text_queue', ids: 'idx_queue' } as const;

/**
 * The training state that a published file holds, by our paths: `teacher/**` and `queue/**`; what it does not hold is left out, and the training begins
 * with it anew. Error `checkpoint` for queues of several lengths.
 */
export async function readTrainingState(file: Safetensors, c: AlbefConfig): Promise<Map<string, NdArray>> {
  const twins = await readTensors(file, twinNames(c), { partial: true });
  const out = new Map<string, NdArray>([...twins].map(([path, t]) => [path, t as NdArray]));
  const pointer = file.has('queue_ptr') ? Number((await file.read('queue_ptr')).data[0]) : 0;
  for (const [name, key] of Object.entries(queueKeys)) {
    if (!file.has(key)) continue;
    const rows = columnsAsRows(await file.read(key));
    if (pointer >= rows.shape[0]!)
      throw new BowError('checkpoint', `queue_ptr ${pointer} lies behind the end of ${key}`, { place: file.place });
    out.set(`queue/${name}/rows`, rows);
    out.set(`queue/${name}/pointer`, ndarray('float32', [], [pointer]));
  }
  return out;
}

/** [e, n] of any numbers as float32 [n, e]. */
function columnsAsRows({ shape, data }: TensorData): NdArray<'float32'> {
  const [e, n] = shape as [number, number];
  const rows = new Float32Array(n * e);
  for (let i = 0; i < e; i++) for (let j = 0; j < n; j++) rows[j * e + i] = Number(data[i * n + j]);
  return { dtype: 'float32', shape: [n, e], data: rows };
}
