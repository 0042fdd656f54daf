/** How a report was made, as its readers see it: the command, the date, the versions, and what each model was trained with. */
import { join } from 'node:path';
import { isRecord } from '../base/index.ts';
import { readText } from '../base/node/index.ts';
import { nativeRuntime } from '../engine/node/index.ts';
import { shellWord } from './output.ts';
import { version } from './version.ts';

type Fact = readonly [what: string, value: string];

/** Command, date and versions. `date` is when the metrics were measured. */
export function reportFacts(date: Date): Fact[] {
  return [
    ['command', ['bow2bot', ...process.argv.slice(2).map(shellWord)].join(' ')],
    ['measured', `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`],
    ['versions', `bow2bot ${version()}, Node.js ${process.versions.node}, onnxruntime ${nativeRuntime.version}`],
  ];
}

/** Steps, batch size and seed of a checkpoint that was trained here, as its recipe has them; none for another. */
export async function trainingFacts(title: string, folder: string): Promise<Fact[]> {
  const recipe: unknown = await readText(join(folder, 'recipe.json')).then(JSON.parse, () => undefined);
  if (!isRecord(recipe)) return [];
  const known = (['steps', 'batchSize', 'seed'] as const).filter((key) => typeof recipe[key] === 'number');
  const words = { steps: 'steps', batchSize: 'batch size', seed: 'seed' };
  return known.length === 0 ? [] : [[title, known.map((key) => `${words[key]} ${recipe[key]}`).join(', ')]];
}
