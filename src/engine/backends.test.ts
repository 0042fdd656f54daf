import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { chromiumPath } from '../base/testing/node/chromium.ts';
import { probeInProcess } from './node/index.ts';
import { runCases } from './testing/backends.ts';
import { runInChromium } from './testing/node/chromium.ts';

/** What a transformer's training step needs: must pass wherever the device starts at all. */
const subset = [
  'add',
  'mul',
  'div',
  'exp',
  'gelu',
  'matmul',
  'matmul batched',
  'sum',
  'softmax',
  'logSoftmax',
  'layerNorm',
  'layerNorm of a sum with weights',
  'rearrange',
  'slice',
];

const icd = '/usr/lib/chromium/vk_swiftshader_icd.json';
if (!process.env['VK_DRIVER_FILES'] && existsSync(icd)) process.env['VK_DRIVER_FILES'] = icd;
const webgpu = (await probeInProcess('webgpu')).works;

const failures = (results: { name: string; failure?: string }[]): string[] =>
  results.flatMap((r) => (r.failure ? [`${r.name}: ${r.failure}`] : []));

test('every case passes on the CPU', async () => {
  expect(failures(await runCases('cpu'))).toEqual([]);
});

test.skipIf(!webgpu)(
  'the subset passes on WebGPU in Node (skipped where no Vulkan driver is)',
  { timeout: 120_000 },
  async () => {
    expect(failures(await runCases('webgpu', subset))).toEqual([]);
  },
);

test.skipIf(!chromiumPath)(
  'the subset passes in Chromium on WebAssembly (skipped where no Chromium is)',
  { timeout: 120_000 },
  async () => {
    expect(failures(await runInChromium('cpu', subset))).toEqual([]);
  },
);
