// `node scripts/operators.mjs`: runs every function on every back end of this machine and writes docs/operators.md.
import { existsSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { build as compile } from './ensure-installed.mjs';

const icd = '/usr/lib/chromium/vk_swiftshader_icd.json'; // Debian's chromium brings a software Vulkan driver
if (!process.env.VK_DRIVER_FILES && existsSync(icd)) process.env.VK_DRIVER_FILES = icd;
compile();
const outfile = resolve('dist/.scripts/operators-table.mjs');
await build({
  entryPoints: ['src/engine/testing/operators-table.ts'],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  packages: 'external',
  logLevel: 'warning',
  define: { 'import.meta.url': JSON.stringify(pathToFileURL(resolve('src/engine/node/probe.ts')).href) },
});
const { operatorsTable } = await import(pathToFileURL(outfile).href);
writeFileSync('docs/operators.md', await operatorsTable());
console.log('docs/operators.md written');
