// Runs every check even when one fails, then prints a plain closing line `N passed, N failed`: tests plus checks.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureInstalled, ensureTools } from './ensure-installed.mjs';

ensureInstalled();
ensureTools();
const temp = mkdtempSync(join(tmpdir(), 'bow2bot-ci-'));
const report = join(temp, 'tests.json');
const node = process.execPath;
const bin = (name, folder = '.') => join(folder, 'node_modules', '.bin', name);

const checks = [
  ['format and lint', bin('biome'), ['ci', '.']],
  ['types', bin('tsc'), ['--noEmit']],
  ['imports', node, ['scripts/check-imports.mjs']],
  ['build', node, ['scripts/build.mjs']],
  [
    'tests',
    node,
    ['node_modules/vitest/vitest.mjs', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
  ],
  ['unused files and exports', bin('knip'), []],
  ['package', bin('publint', 'tools'), ['--strict']],
  ['smoke of the main job', node, ['scripts/start.mjs', 'start', '--smoke', '--fresh', '--no-prompt']],
];

let passed = 0;
let failed = 0;
let skipped = 0;
for (const [name, command, args] of checks) {
  const started = Date.now();
  console.log(`\n── ${name}`);
  const ok = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] }).status === 0;
  console.log(`── ${name}: ${ok ? 'ok' : 'FAILED'} (${((Date.now() - started) / 1000).toFixed(0)} s)`);
  if (ok) passed++;
  else failed++;
}
try {
  const tests = JSON.parse(readFileSync(report, 'utf8'));
  passed += tests.numPassedTests;
  failed += tests.numFailedTests;
  skipped += tests.numPendingTests;
} catch {
  failed++;
}
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed > 0 ? 1 : 0);
