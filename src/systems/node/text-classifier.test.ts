import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Rng } from '../../base/index.ts';
import { openModelFiles } from '../../hub/node/index.ts';
import { classify, fitTextClassifier, openTextClassifier } from '../index.ts';
import { chosenC } from '../text-classifier.ts';
import { saveTextClassifier } from './index.ts';

const rng = new Rng(4);
const word = (kind: string): string => `${rng.float() < 0.3 ? kind : 'any'}${rng.int(31)}`;
const texts = Array.from({ length: 211 }, (_, i) => {
  const label = ['sport', 'market', 'film'][i % 3]!;
  return { label, text: Array.from({ length: 17 }, () => word(label)).join(' ') };
});

test('learns labels, is kept in a folder, and cannot learn shuffled ones', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bow2bot-classify-'));
  try {
    const c = await fitTextClassifier(texts);
    expect(c.report).toMatchObject({ classes: ['film', 'market', 'sport'], texts: 211, heldOut: 42 });
    expect(c.report.accuracy).toBeGreaterThan(0.9);
    expect(c.report.tried.map((t) => t.c)).toContain(c.report.c);
    expect((await fitTextClassifier(texts.slice(0, 50), { c: 3 })).report).toMatchObject({ c: 3, tried: [] });
    await saveTextClassifier(join(folder, 'c'), c);
    const opened = await openTextClassifier(await openModelFiles(join(folder, 'c')));
    const asked = ['sport3 sport7 any1', 'film2 any5 film30'];
    expect(await classify(opened, asked)).toEqual(await classify(c, asked));
    expect((await classify(opened, asked)).map((l) => l[0]!.label)).toEqual(['sport', 'film']);
    const labels = rng.shuffle(texts.map((t) => t.label));
    const control = await fitTextClassifier(texts.map((t, i) => ({ text: t.text, label: labels[i]! })));
    expect(control.report.accuracy).toBeLessThan(0.6);
    await expect(fitTextClassifier(texts.filter((t) => t.label === 'film'))).rejects.toMatchObject({ code: 'data' });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('C is the smallest within one standard error of the best', () => {
  const of = (...accuracies: readonly number[]): { c: number; accuracy: number }[] =>
    accuracies.map((accuracy, i) => ({ c: [0.5, 2, 10, 50][i]!, accuracy }));
  expect(chosenC([], 0)).toBe(10);
  expect(chosenC(of(0.873, 0.88175, 0.8845, 0.877), 4000)).toBe(2); // one standard error is 0.0051
  expect(chosenC(of(0.873, 0.88175, 0.8845, 0.877), 40_000)).toBe(10); // and here 0.0016
  expect(chosenC(of(0.9, 0.8, 0.8, 0.7), 100)).toBe(0.5);
  expect(chosenC(of(0.99, 1, 1, 1), 100)).toBe(2); // without a mistake there is no error to allow for
});
