/** Writing fitted counters; `counts-files.ts` reads them. */
import { join } from 'node:path';
import { BowError } from '../../base/index.ts';
import { writeFileAtomic } from '../../base/node/index.ts';
import { type WritableTensor, writeSafetensors } from '../../hub/node/index.ts';
import type { CountOptions, CountState } from '../../text/index.ts';

/** Options as JSON; a RegExp keeps its source and flags. Error `usage` for functions, which no file can hold. */
function storableOptions(o: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(o)
      .filter(([k]) => k !== 'vocabulary')
      .map(([k, v]: [string, unknown]) => {
        if (typeof v === 'function')
          throw new BowError('usage', `the option "${k}" is a function and cannot be saved`, { place: k });
        return [k, v instanceof RegExp ? { regexp: [v.source, v.flags] } : v];
      }),
  );
}

/** Writes a fitted counter into a folder that exists. `extra`: more keys of config.json; `tensors`: more tensors beside df and totals. */
export async function saveCounts(
  folder: string,
  type: string,
  options: CountOptions,
  state: CountState,
  extra: Readonly<Record<string, unknown>> = {},
  tensors: Readonly<Record<string, WritableTensor>> = {},
): Promise<void> {
  const shape = [state.terms.length];
  await writeSafetensors(
    join(folder, 'model.safetensors'),
    new Map<string, WritableTensor>([
      ['df', { dtype: 'int32', shape, data: state.df }],
      ['totals', { dtype: 'float64', shape, data: state.totals }],
      ...Object.entries(tensors),
    ]),
  );
  await writeFileAtomic(join(folder, 'vocab.json'), async (file) => {
    await file.write('[');
    for (let from = 0; from < state.terms.length; from += 65536) {
      const part = JSON.stringify(state.terms.slice(from, from + 65536)).slice(1, -1);
      await file.write(from === 0 ? part : `,\n${part}`);
    }
    await file.write(']\n');
  });
  const config = {
    model_type: type,
    options: storableOptions(options),
    documents: state.documents,
    terms: state.terms.length,
    unicode: process.versions['unicode'],
    icu: process.versions['icu'],
    ...extra,
  };
  await writeFileAtomic(join(folder, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
}
