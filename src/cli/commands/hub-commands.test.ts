import { spawn } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { files, useHub } from '../../hub/testing/hub-fixture.ts';

const f = useHub();

/** Runs the command line against the hub of the test. */
async function bow2bot(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const env = {
    ...process.env,
    HF_ENDPOINT: f.hub.endpoint,
    HF_HUB_CACHE: f.cacheDir,
    NO_PROXY: '*',
    HF_TOKEN: 'hf_secret',
    BOW2BOT_CACHE: join(f.cacheDir, 'own'),
    NO_COLOR: '1',
  };
  const p = spawn(process.execPath, [resolve('dist/cli/main.js'), ...args], { env });
  let [out, err] = ['', ''];
  p.stdout.on('data', (d) => {
    out += d;
  });
  p.stderr.on('data', (d) => {
    err += d;
  });
  const code = await new Promise<number | null>((done) => p.on('close', done));
  return { code, out, err };
}

test('download prints the snapshot, cache ls shows it, cache rm removes it', async () => {
  const { code, out, err } = await bow2bot('download', 'org/name', '--exclude', 'onnx/');
  expect([code, out]).toEqual([0, `${join(f.root, 'snapshots', f.hub.commit)}\n`]);
  expect(err).toContain('download org/name');
  const single = await bow2bot('download', 'org/name@main', 'onnx/model.onnx', 'config.json', '--quiet');
  expect(single).toEqual({ code: 0, out: `${f.snapshot('onnx/model.onnx')}\n${f.snapshot('config.json')}\n`, err: '' });

  const listed = await bow2bot('cache', 'ls');
  expect(listed.out).toMatch(
    /^ {3}305 kB {2}model {4}org\/name\n {22}0123456789ab {2}5 files {2}main\n {3}305 kB {2}in /,
  );
  const json = JSON.parse((await bow2bot('cache', 'ls', '--json')).out);
  expect(json.repositories[0]).toMatchObject({
    id: 'org/name',
    revisions: [{ commit: f.hub.commit, files: Object.keys(files).sort() }],
  });

  expect((await bow2bot('cache', 'rm', 'org/name', '--dry-run')).out).toBe(
    'would remove org/name\n305 kB would be freed\n',
  );
  expect((await bow2bot('cache', 'rm', 'org/name@012345')).out).toBe('removed org/name@0123456789ab\n305 kB freed\n');
  expect((await bow2bot('cache', 'rm', 'org/name')).code).toBe(0);
  expect((await readdir(f.cacheDir)).filter((n) => n.startsWith('models'))).toEqual([]);
});

test('cache ls says what else is kept, unless another cache is named', async () => {
  const squares = join(f.cacheDir, 'own', 'squares');
  await mkdir(join(squares, 'set'), { recursive: true });
  await writeFile(join(squares, 'set', 'a.squares'), new Uint8Array(1009));
  expect((await bow2bot('cache', 'ls')).out).toContain(`  1.01 kB  in ${squares} (can be made again`);
  const { own } = JSON.parse((await bow2bot('cache', 'ls', '--json')).out);
  expect(own).toEqual([{ name: 'squares', folder: squares, bytes: 1009 }]);
  expect(JSON.parse((await bow2bot('cache', 'ls', '--json', '--cache-dir', f.cacheDir)).out).own).toEqual([]);
});

test('failures are reported on stderr, with the exit code of its kind', async () => {
  const missing = await bow2bot('download', 'org/other');
  expect([missing.code, missing.out]).toEqual([4, '']);
  expect(missing.err).toContain('repository not found, or no permission to read it');
  expect(missing.err).not.toContain('hf_secret');
  expect((await bow2bot('download', 'not a name')).code).toBe(2);
  expect((await bow2bot('download', 'org/name', '--parallel', '0')).code).toBe(2);
  for (const wrong of [['download'], ['download', 'org/name', '--bogus'], ['cache', 'lss'], ['cache']]) {
    const { code, out, err } = await bow2bot(...wrong);
    expect([code, out, err === '']).toEqual([2, '', false]);
  }
  const unknown = await bow2bot('cache', 'rm', 'org/name', '--json');
  expect(unknown.code).toBe(4);
  expect(JSON.parse(unknown.err).error.code).toBe('download');
});
