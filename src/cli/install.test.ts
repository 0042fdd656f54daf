/** The package in an empty folder, as a user installs it: `npm pack`, `npm install`, the programs of README and docs/install.md. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import ts from 'typescript';
import { build, preview } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chromiumPath, textOf } from '../base/testing/node/chromium.ts';

const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(npm_|onnxruntime|bow2bot)/i.test(name)),
);
const run = (command: string, args: string[], cwd: string): Promise<{ stdout: string; stderr: string }> =>
  promisify(execFile)(command, args, { cwd, env, maxBuffer: 2 ** 26, shell: process.platform === 'win32' });

const onLinux = process.platform === 'linux' && process.arch === 'x64';
const question = ['view', 'onnxruntime-common@1.30.0', 'version', '--fetch-retries=0', '--fetch-timeout=20000'];
const answers = await run('npm', question, tmpdir()).then(
  ({ stdout }) => stdout.trim() === '1.30.0',
  () => false,
);

/** The first code of a page after a fence. */
async function sample(page: string, fence: string): Promise<string> {
  const [, code] = (await readFile(page, 'utf8')).split(`\n\`\`\`${fence}\n`);
  return code!.split('\n```\n')[0]!;
}

const packed = existsSync('onnxruntime/bin/napi-v6/linux/x64');
describe.skipIf(!answers || !packed)(
  'installed (skipped without the npm registry, or before npm ci or npm start)',
  () => {
    let folder: string;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'bow2bot-install-'));
      await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }'); // else npm looks in the folders above
      const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder];
      const [{ filename }] = JSON.parse((await run('npm', pack, resolve('.'))).stdout);
      const others = onLinux ? [] : ['onnxruntime-node@1.30.0'];
      const { stderr } = await run('npm', ['install', `./${filename}`, ...others], folder);
      expect(stderr).not.toMatch(/script/);
      await rm(join(folder, filename));
    }, 300_000);
    afterAll(() => rm(folder, { recursive: true, force: true }));

    test('what README trains is trained, at native speed, from the registry alone', { timeout: 60_000 }, async () => {
      const { outputText } = ts.transpileModule(await sample('README.md', 'ts run'), {
        compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
      });
      await writeFile(join(folder, 'train.js'), outputText);
      const losses = (await run(process.execPath, ['train.js'], folder)).stdout.trim().split('\n').map(Number);
      expect(losses).toHaveLength(200);
      expect(losses[199]).toBeLessThan(1e-10);
    });

    test('the program runs, says which build it uses, and suggests what can be pasted', {
      timeout: 60_000,
    }, async () => {
      const { stdout } = await run('npx', ['bow2bot', 'doctor', '--json', '--matrix-size', '64'], folder);
      const { onnxruntime, devices } = JSON.parse(stdout);
      const above = createRequire(join(folder, 'x.js')).resolve.paths('onnxruntime-node') ?? []; // a folder above may have one
      const isInstalled = above.some((path) => existsSync(join(path, 'onnxruntime-node')));
      const from = isInstalled ? 'onnxruntime-node' : 'bow2bot';
      expect(onnxruntime).toMatchObject({ from, passedOver: [] });
      expect(devices[0]).toMatchObject({ device: 'cpu', works: true });
      await expect(run('npx', ['bow2bot', 'serach'], folder)).rejects.toMatchObject({
        stderr: expect.stringContaining('npx bow2bot --help lists the commands'),
      });
    });

    test('one platform, and nothing that only development needs', async () => {
      const files = await readdir(join(folder, 'node_modules'), { recursive: true });
      if (onLinux) expect(files.filter((f) => /\.(dll|dylib)$|win32.*\.node$|onnxruntime-node/.test(f))).toEqual([]);
      expect(files.filter((f) => /bow2bot.*(\.test\.|testing|tsbuildinfo)/.test(f))).toEqual([]);
    });

    describe.skipIf(!chromiumPath)('a page (skipped where there is no Chromium, or tools/ is not installed)', () => {
      beforeAll(async () => {
        await run('npm', ['install', 'onnxruntime-web@1.30.0'], folder);
        await mkdir(join(folder, 'src'));
        await writeFile(join(folder, 'src/main.ts'), await sample('docs/install.md', 'ts check'));
        await writeFile(join(folder, 'vite.config.js'), await sample('docs/install.md', 'js'));
        await writeFile(join(folder, 'index.html'), '<body><script type="module" src="/src/main.ts"></script></body>');
      }, 300_000);

      test('its types hold, those of the package too', { timeout: 120_000 }, async () => {
        const rooms = [
          'base',
          'data',
          'evaluate',
          'hub',
          'image',
          'kinds',
          'search',
          'systems',
          'text',
          'train',
          'world',
        ];
        await writeFile(
          join(folder, 'src/rooms.ts'),
          rooms.map((r) => `export * as ${r} from 'bow2bot/${r}';\n`).join(''),
        );
        const compilerOptions = {
          ...{ strict: true, noEmit: true, skipLibCheck: false, types: [] },
          ...{ module: 'esnext', moduleResolution: 'bundler', target: 'es2022' },
          lib: ['es2023', 'dom', 'dom.iterable', 'esnext.disposable'],
        };
        await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['src'] }));
        const tsc = resolve('node_modules/typescript/bin/tsc');
        const { stdout } = await run(process.execPath, [tsc, '-p', '.'], folder).catch((e: { stdout: string }) => e);
        expect(stdout).toBe('');
      });

      test('vite builds it, and it learns in Chromium', { timeout: 180_000 }, async () => {
        await build({ root: folder, logLevel: 'error' });
        const server = await preview({ root: folder, preview: { host: '127.0.0.1' }, logLevel: 'error' });
        try {
          const text = await textOf(server.resolvedUrls!.local[0]!, /^loss/);
          expect(Number(text.split(' ')[1])).toBeLessThan(1e-10);
        } finally {
          await server.close();
        }
      });
    });
  },
);
