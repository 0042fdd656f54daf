/** For tests of what runs in a browser: bundles, and a page in headless Chromium whose script's exports can be called from here. */
import { readFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { builtinModules, createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { build } from 'esbuild';
import { toolFolder } from './tools.ts';

/** Where Chromium is on this machine (set by scripts/build-once.mjs); undefined where there is none, or tools/ is not installed. */
export const chromiumPath: string | undefined =
  toolFolder('playwright-core') && toolFolder('onnxruntime-web') ? process.env['CHROMIUM'] : undefined;

/** As much of Playwright as is used here; the package is one of tools/. */
type Playwright = {
  readonly chromium: { launch(o: { executablePath: string; args: readonly string[] }): Promise<Browser> };
};
type Browser = { newPage(): Promise<BrowserPage>; close(): Promise<void> };
type BrowserPage = { goto(url: string): Promise<unknown>; evaluate<T>(script: string): Promise<T> };

/** Flags that give headless Chromium a WebGPU adapter in software. */
const flags = [
  '--no-sandbox',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--enable-features=Vulkan',
];

/** A module for a browser. */
export type Bundle = {
  readonly code: string;
  /** Node's modules that it asks for, each as `file: module`. */
  readonly builtins: readonly string[];
  /** Our files in it. */
  readonly files: readonly string[];
};

/** Bundles a module of ours. Node's modules are left as they are and listed. */
export async function bundleForBrowser(entry: string): Promise<Bundle> {
  const { metafile, outputFiles } = await build({
    entryPoints: [entry],
    external: ['node:*', ...builtinModules, ...(toolFolder('onnxruntime-web') ? [] : ['onnxruntime-web'])],
    nodePaths: ['tools/node_modules'], // onnxruntime-web
    ...{ bundle: true, write: false, metafile: true, platform: 'browser', format: 'esm', target: 'es2022' },
    logLevel: 'silent',
  });
  const inputs = Object.entries(metafile.inputs);
  return {
    code: outputFiles[0]!.text,
    builtins: inputs.flatMap(([file, { imports }]) =>
      imports.filter((i) => i.external && i.path !== '<runtime>').map((i) => `${file}: ${i.path}`),
    ),
    files: inputs.map(([file]) => file).filter((file) => file.startsWith('src/')),
  };
}

/** A page whose script is the module `M`. */
export type Page<M> = {
  /** Calls an export of the script. Arguments travel as JSON does; results may have typed arrays and numbers that are not finite. */
  call<K extends keyof M & string>(name: K, ...args: Parameters<Callable<M[K]>>): Promise<ResultOf<M[K]>>;
  close(): Promise<void>;
};
type Callable<T> = T extends (...args: infer A) => unknown ? (...args: A) => unknown : never;
type ResultOf<T> = T extends (...args: never) => infer R ? Awaited<R> : never;

/** Opens a page with a script of ours. The WebAssembly of onnxruntime and of MuJoCo is served beside it, where both look for it. */
export async function openPage<M>(script: string): Promise<Page<M>> {
  const { code } = await bundleForBrowser(script);
  const server = createServer((request, response) => void serve(request.url ?? '/', code, response));
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const browser = await launch();
  const close = async (): Promise<void> => {
    await browser.close();
    server.close();
  };
  try {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    return {
      call: (name, ...args) => page.evaluate(`import('/page.js').then((m) => m.${name}(...${JSON.stringify(args)}))`),
      close,
    };
  } catch (e) {
    await close();
    throw e;
  }
}

function launch(): Promise<Browser> {
  const { chromium } = createRequire(import.meta.url)(toolFolder('playwright-core')!) as Playwright;
  return chromium.launch({ executablePath: chromiumPath!, args: flags });
}

/** What an isolated page shows once its text is as wanted, or after a minute. Error when the page is not cross-origin isolated. */
export async function textOf(url: string, wanted: RegExp): Promise<string> {
  const browser = await launch();
  try {
    const page = await browser.newPage();
    await page.goto(url);
    if (!(await page.evaluate<boolean>('crossOriginIsolated'))) throw new Error(`${url} is not cross-origin isolated`);
    for (let i = 0; i < 600; i++) {
      const text = await page.evaluate<string>('document.body.textContent.trim()');
      if (wanted.test(text)) return text;
      await new Promise((done) => setTimeout(done, 100));
    }
    return await page.evaluate<string>('document.body.textContent.trim()');
  } finally {
    await browser.close();
  }
}

async function serve(path: string, script: string, response: ServerResponse): Promise<void> {
  // Shared memory for WebAssembly threads needs an isolated page.
  response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
  response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
  const send = (type: string, body: string | Uint8Array): void =>
    void response.setHeader('Content-Type', type).end(body);
  if (path === '/') return send('text/html', '<!doctype html><title>bow2bot</title>');
  if (path === '/page.js') return send('text/javascript', script);
  const [file] = /^[\w.-]+$/.exec(path.slice(1)) ?? [];
  const folder = file === 'mujoco.wasm' ? 'node_modules/@mujoco/mujoco' : `${toolFolder('onnxruntime-web')}/dist`;
  const body = file && (await readFile(`${folder}/${file}`).catch(() => undefined));
  if (body) return send(file.endsWith('.wasm') ? 'application/wasm' : 'text/javascript', body);
  response.writeHead(404).end();
}
