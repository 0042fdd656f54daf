import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hubSettings, isTrue, ownCacheDir } from './index.ts';

test('the cache is where the Hugging Face libraries have it', () => {
  const of = (env: Record<string, string>): string => hubSettings({}, env).cacheDir;
  expect(of({})).toBe(join(homedir(), '.cache', 'huggingface', 'hub'));
  expect(of({ XDG_CACHE_HOME: '/x' })).toBe(join('/x', 'huggingface', 'hub'));
  expect(of({ XDG_CACHE_HOME: '/x', HF_HOME: '/h' })).toBe(join('/h', 'hub'));
  expect(of({ HF_HOME: '/h', HF_HUB_CACHE: '/c' })).toBe('/c');
  expect(of({ HF_HUB_CACHE: '~/c' })).toBe(join(homedir(), 'c'));
  expect(of({ HF_HUB_CACHE: '' })).toBe(join(homedir(), '.cache', 'huggingface', 'hub'));
  expect(
    [{}, { XDG_CACHE_HOME: '/x' }, { XDG_CACHE_HOME: '/x', BOW2BOT_CACHE: '/b' }].map((env) => ownCacheDir(env)),
  ).toEqual([join(homedir(), '.cache', 'bow2bot'), join('/x', 'bow2bot'), '/b']);
  expect(hubSettings({ cacheDir: '/o' }, { HF_HUB_CACHE: '/c' }).cacheDir).toBe('/o');
});

test('endpoint, offline, timeouts', () => {
  const env = {
    HF_ENDPOINT: 'https://mirror.example/',
    HF_HUB_OFFLINE: 'yes',
    HF_HUB_DOWNLOAD_TIMEOUT: '2.5',
    HF_HUB_ETAG_TIMEOUT: '3',
  };
  const expected = { endpoint: 'https://mirror.example', offline: true, downloadTimeout: 2500, etagTimeout: 3000 };
  expect(hubSettings({}, env)).toMatchObject(expected);
  expect(hubSettings({}, {})).toMatchObject({
    endpoint: 'https://huggingface.co',
    offline: false,
    downloadTimeout: 10_000,
  });
  expect(['1', 'ON', 'on', 'YES', 'True'].every(isTrue)).toBe(true);
  expect(['0', 'off', '', 'y', undefined].some(isTrue)).toBe(false);
});

test('the token: variable, then file; an option, even an empty one, comes first', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bow2bot-token-'));
  await writeFile(join(folder, 'token'), 'hf_stored\n');
  await writeFile(join(folder, 'else'), 'hf_else');
  const of = (env: Record<string, string>, given = {}): string | undefined =>
    hubSettings(given, { HF_HOME: folder, ...env }).token;
  expect(of({})).toBe('hf_stored');
  expect(of({ HF_TOKEN_PATH: join(folder, 'else') })).toBe('hf_else');
  expect(of({ HF_TOKEN: ' hf_env ' })).toBe('hf_env');
  expect(of({ HF_TOKEN: 'hf_env' }, { token: 'hf_given' })).toBe('hf_given');
  expect(of({ HF_TOKEN: 'hf_env' }, { token: undefined })).toBeUndefined();
  await rm(folder, { recursive: true });
});

test('what cannot be right is an error that names the variable', () => {
  const bad = { HF_ENDPOINT: 'mirror', HF_HUB_ETAG_TIMEOUT: 'soon', HF_HUB_DOWNLOAD_TIMEOUT: '-1', HF_TOKEN: 'a\nb' };
  for (const [name, value] of Object.entries(bad)) {
    expect(() => hubSettings({}, { HF_HOME: '/nowhere', [name]: value })).toThrow(
      expect.objectContaining({ code: 'config', place: name }),
    );
  }
});
