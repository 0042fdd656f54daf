/** Headless Chromium with the engine's cases in a page, served from this process. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import type { CaseResult } from '../backends.ts';

/** Where Chromium is on this machine; undefined when it is not. */
export const chromiumPath: string | undefined = [
  process.env['CHROMIUM'] ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find((p) => p !== '' && existsSync(p));

/** Flags that give headless Chromium a WebGPU adapter in software. */
const flags = [
  '--no-sandbox',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--enable-features=Vulkan',
];

/** Runs cases in a page on `cpu` (WebAssembly) or `webgpu`. */
export async function runInChromium(device: 'cpu' | 'webgpu', only?: readonly string[]): Promise<CaseResult[]> {
  const script = await build({
    entryPoints: ['src/engine/testing/backend-page.ts'],
    bundle: true,
    write: false,
    platform: 'browser',
    format: 'esm',
    external: ['node:*'],
    logLevel: 'silent',
  });
  const server = createServer(async (request, response) => {
    const path = request.url ?? '/';
    // Shared memory for WebAssembly threads needs an isolated page.
    response
      .setHeader('Cross-Origin-Opener-Policy', 'same-origin')
      .setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
    if (path === '/page.js') response.setHeader('Content-Type', 'text/javascript').end(script.outputFiles[0]!.text);
    else if (/^\/ort\/[\w.-]+$/.test(path)) await serveRuntime(path, response);
    else response.setHeader('Content-Type', 'text/html').end('<script type="module" src="/page.js"></script>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const browser = await chromium.launch({ executablePath: chromiumPath!, args: flags });
  try {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await page.waitForFunction(() => 'runCases' in globalThis);
    return await page.evaluate(
      ([d, names]) =>
        (globalThis as unknown as { runCases: (d: string, n?: readonly string[]) => Promise<CaseResult[]> }).runCases(
          d,
          names,
        ),
      [device, only] as const,
    );
  } finally {
    await browser.close();
    server.close();
  }
}

async function serveRuntime(path: string, response: import('node:http').ServerResponse): Promise<void> {
  const type = path.endsWith('.wasm') ? 'application/wasm' : 'text/javascript';
  try {
    response.setHeader('Content-Type', type).end(await readFile(`node_modules/onnxruntime-web/dist/${path.slice(5)}`));
  } catch {
    response.writeHead(404).end();
  }
}
