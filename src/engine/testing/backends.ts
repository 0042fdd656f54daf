/** Runs the cases on a device; the same code in Node and in a page. */
import type { Device } from '../index.ts';
import { cases } from './cases.ts';
import { type CheckReport, check } from './check.ts';

/** What a case gave on a device: its errors, or why it failed. */
export type CaseResult = { readonly name: string; readonly report?: CheckReport; readonly failure?: string };

/** Every case (or those whose names are given) on one device. */
export async function runCases(device: Exclude<Device, 'auto'>, only?: readonly string[]): Promise<CaseResult[]> {
  const results: CaseResult[] = [];
  for (const { name, fn, operands, gradient } of cases) {
    if (only && !only.includes(name)) continue;
    try {
      const report = await check(fn, operands, { device, seed: name, ...(gradient === false ? { gradient } : {}) });
      results.push({ name, report });
    } catch (e) {
      results.push({ name, failure: (e instanceof Error ? e.message : String(e)).split('\n')[0]! });
    }
  }
  return results;
}
