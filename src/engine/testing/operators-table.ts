/** The table of back ends as Markdown; scripts/operators.mjs runs it and writes docs/operators.md. */

import { chromiumPath } from '../../base/testing/node/chromium.ts';
import { probeInProcess } from '../node/index.ts';
import { type CaseResult, runCases } from './backends.ts';
import { runInChromium } from './node/chromium.ts';

type Column = { readonly title: string; readonly results: readonly CaseResult[] | undefined };

function cell(name: string, c: Column): string {
  const r = c.results?.find((x) => x.name === name);
  if (!r) return '·';
  if (r.failure) return `✘ ${r.failure.includes('differs') ? 'wrong values' : 'no kernel'}`;
  return '✔';
}

/** Runs everything that this machine has and returns the page. */
export async function operatorsTable(): Promise<string> {
  const webgpu = (await probeInProcess('webgpu')).works;
  const cpu = await runCases('cpu');
  const columns: Column[] = [
    { title: 'CPU', results: cpu },
    { title: 'CPU float64', results: cpu.filter((r) => r.report?.float64Kernels) },
    { title: 'WebGPU in Node', results: webgpu ? await runCases('webgpu') : undefined },
    { title: 'WebAssembly in Chromium', results: chromiumPath ? await runInChromium('cpu') : undefined },
    { title: 'WebGPU in Chromium', results: chromiumPath ? await runInChromium('webgpu') : undefined },
  ];
  const rows = cpu.map((r) => {
    const e = r.report
      ? `${r.report.valueError.toExponential(0)} | ${r.report.gradientError.toExponential(0)}`
      : '– | –';
    return `| ${r.name} | ${columns.map((c) => cell(r.name, c)).join(' | ')} | ${e} |`;
  });
  return [
    '# Which functions run where',
    '',
    'Written by `node scripts/operators.mjs` from the cases in `src/engine/testing/cases.ts`: value and gradient graph in float32 (and float64 where',
    'onnxruntime has kernels for the whole graph) against the float64 references. ✔ within 1e-3 (float64: 1e-6), ✘ not, · not run there (no adapter,',
    'or no float64 kernels: the references check those gradients to 1e-6 all the same). The last two columns are the largest relative errors of',
    'value and gradient on the CPU in float32. WebGPU ran on a software Vulkan driver (SwiftShader).',
    '',
    `| function | ${columns.map((c) => c.title).join(' | ')} | value | gradient |`,
    `| --- | ${columns.map(() => '---').join(' | ')} | --- | --- |`,
    ...rows,
    '',
  ].join('\n');
}
