// How a benchmark's sides talk to the runner: each is a process that stays warm and works only when it is asked to, so that the sides can be
// interleaved. A request is a line `name argument`; the answer is a line of JSON.
import { createInterface } from 'node:readline';

/** Answers requests with the handlers until stdin ends. */
export async function serve(handlers) {
  process.stdout.write(`${JSON.stringify(await handlers.info())}\n`);
  for await (const line of createInterface({ input: process.stdin })) {
    const [name, argument] = line.trim().split(' ');
    process.stdout.write(`${JSON.stringify(await handlers[name](Number(argument)))}\n`);
  }
  await handlers.close?.();
}
