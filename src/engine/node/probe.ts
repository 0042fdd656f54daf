/** Probing devices from Node without letting native libraries write to our stderr or take the process down. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { compiledUrl } from '../../base/node/index.ts';
import type { DeviceProbe } from '../index.ts';

/** Like `probeDevice`, in a process of its own; a crash or more than `timeoutMs` is a "does not work" with what it said. */
export function probeInProcess(device: DeviceProbe['device'], o: { timeoutMs?: number } = {}): Promise<DeviceProbe> {
  return new Promise((resolve) => {
    const worker = fileURLToPath(compiledUrl('./probe-worker.js', import.meta.url));
    const child = spawn(process.execPath, [worker, device], { stdio: ['ignore', 'pipe', 'pipe'] });
    let [out, errors] = ['', ''];
    child.stdout.on('data', (d: Buffer) => {
      out += d.toString();
    });
    child.stderr.on('data', (d: Buffer) => {
      errors += d.toString();
    });
    const timeoutMs = o.timeoutMs ?? 60_000; // a busy machine takes half a minute only to load the library
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, timeoutMs);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      try {
        resolve(JSON.parse(out) as DeviceProbe);
      } catch {
        const last = errors.trim().split('\n').at(-1) ?? '';
        const end = late ? `gave no answer within ${timeoutMs / 1000} s` : `ended with ${signal ?? `code ${code}`}`;
        resolve({ device, works: false, why: `the probe ${end} ${last}`.trim() });
      }
    });
  });
}
