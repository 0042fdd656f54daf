/** The engine's cases in headless Chromium. */
import { openPage } from '../../../base/testing/node/chromium.ts';
import type { CaseResult } from '../backends.ts';

/** Runs cases in a page on `cpu` (WebAssembly) or `webgpu`. */
export async function runInChromium(device: 'cpu' | 'webgpu', only?: readonly string[]): Promise<CaseResult[]> {
  const page = await openPage<typeof import('../backends.ts')>('src/engine/testing/backends.ts');
  try {
    return await page.call('runCases', device, only);
  } finally {
    await page.close();
  }
}
