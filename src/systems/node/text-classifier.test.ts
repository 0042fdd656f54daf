import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Rng } from '../../base/index.ts';
import { openModelFiles } from '../../hub/node/index.ts';
import { classify, fitTextClassifier, openTextClassifier } from '../index.ts';
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
