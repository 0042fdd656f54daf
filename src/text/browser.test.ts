import { expect, test } from 'vitest';
import { bundleForBrowser } from '../base/testing/node/chromium.ts';
import { parseCsv } from './index.ts';

test("the bundle for a browser reads the same tables as Node's modules", async () => {
  const { code } = await bundleForBrowser('src/text/index.ts');
  const url = `data:text/javascript;base64,${Buffer.from(code).toString('base64')}`;
  const built = (await import(url)) as typeof import('./index.ts');
  const table = 'a;b\r"1\r\n""x""";2\r';
  expect(built.parseCsv(table, 'table')).toEqual(parseCsv(table, 'table'));
  expect(parseCsv(table, 'table')).toEqual([{ line: 2, values: { a: '1\r\n"x"', b: '2' } }]);
});
