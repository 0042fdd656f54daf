import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { printResult, progressLine } from './output.ts';

const { isTTY, columns } = process.stderr;
let written: string[];
beforeEach(() => {
  written = [];
  const keep = (text: string | Uint8Array): boolean => written.push(String(text)) > 0;
  vi.spyOn(process.stderr, 'write').mockImplementation(keep);
  vi.spyOn(process.stdout, 'write').mockImplementation(keep);
  vi.stubEnv('CI', '').stubEnv('TERM', 'xterm');
  Object.assign(process.stderr, { isTTY: true, columns: 23 });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  Object.assign(process.stderr, { isTTY, columns });
});

test('in a terminal a result takes the place of a progress line without an end, and does not touch a finished one', () => {
  const onProgress = progressLine({});
  onProgress({ task: 'read', done: 7 });
  printResult({}, {}, () => 'result');
  expect(written).toEqual(['\r\x1b[2Kread 7', '\r\x1b[2K', 'result\n']);
  written.length = 0;
  onProgress({ task: 'read', done: 11, total: 11 });
  printResult({}, {}, () => 'result');
  expect(written).toEqual(['\r\x1b[2Kread 11/11\n', 'result\n']);
});

test('a progress line stays on one line of a narrow terminal', () => {
  progressLine({})({ task: 'index images', done: 7, total: 13, unit: 'images' });
  expect(written).toEqual(['\r\x1b[2Kindex images 7/13 imag']);
});
