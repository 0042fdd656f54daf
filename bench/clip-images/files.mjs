// What both sides share: the files, the clock.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.env.PICTURES;

/** Paths of the images, in order of their numbers. */
export const files = readdirSync(folder)
  .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
  .map((f) => join(folder, f));

/** Seconds by the clock and of all threads' processor time. */
export async function timed(work) {
  const [started, cpu] = [performance.now(), process.cpuUsage()];
  await work();
  const used = process.cpuUsage(cpu);
  return { seconds: (performance.now() - started) / 1000, cpu: (used.user + used.system) / 1e6 };
}

/** A vector of unit length, as plain numbers. */
export function unit(vector) {
  const length = Math.hypot(...vector);
  return Array.from(vector, (x) => x / length);
}
