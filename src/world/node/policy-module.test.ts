import { expect, test } from 'vitest';
import { loadPolicy } from './policy-module.ts';

const moduleOf = (text: string): string => `data:text/javascript,${encodeURIComponent(text)}`;

test('what a module does not give, or throws while it makes its policy, is an error with its place', async () => {
  const module = moduleOf("export const policy = () => { throw new TypeError('no policy today') };");
  await expect(loadPolicy({ module })).rejects.toMatchObject({ code: 'usage', place: module });
  await expect(loadPolicy({ module })).rejects.toThrow(/cannot be made: no policy today/);
  for (const text of ['export const x = 1;', 'export const policy = async () => 3;', 'throw new Error()'])
    await expect(loadPolicy({ module: moduleOf(text) })).rejects.toMatchObject({ code: 'usage' });
  const made = moduleOf('export const policy = (argument) => ({ argument, act: async () => ({}) });');
  expect(await loadPolicy({ module: made, argument: 'a' })).toMatchObject({ argument: 'a' });
});
