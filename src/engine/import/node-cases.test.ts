import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { type NodeCase, runCase } from '../testing/node-cases.ts';
import { ownNodeCases } from '../testing/own-node-cases.ts';
import { converters } from './converters/index.ts';

const path = resolve('../shared/data/onnx/node-cases.jsonl.gz');

test.each(ownNodeCases.map((c) => [c.name, c] as const))('case of our own: %s', async (_name, c) => {
  expect(await runCase(c)).toEqual({ passed: true, reason: '' });
});

test.skipIf(!existsSync(path))(
  `every ONNX node case of a known operator passes or is listed (needs ${path})`,
  async () => {
    const listed = readFileSync('docs/operators-node-cases.md', 'utf8');
    const cases = gunzipSync(readFileSync(path)).toString().trim().split('\n').map((l) => JSON.parse(l) as NodeCase); // biome-ignore format: one line
    const wrong: string[] = [];
    for (const c of cases) {
      if (!Object.hasOwn(converters, c.domain === '' ? c.op : `${c.domain}:${c.op}`)) continue;
      const result = await runCase(c);
      if (result.passed === listed.includes(`| ${c.name} |`))
        wrong.push(`${c.name}: ${result.reason || 'passes, but is listed'}`);
    }
    expect(wrong).toEqual([]);
  },
  120_000,
);
