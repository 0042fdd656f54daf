// How a benchmark's sides talk to the runner: each is a process that stays warm and works only when it is asked to, so that the sides can be
// interleaved. A request is a line `name argument`; the answer is a line of JSON. The first line is the answer to `info`, unasked.
import { spawn } from 'node:child_process';
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

/** Most memory that this process ever held, in MiB. */
export const peakMb = () => process.resourceUsage().maxRSS / 1024;

/**
 * Starts a side and waits until it is warm: `info` is its first answer, `ask` puts a request, `close` ends it. Throws with the end of its stderr
 * when the process ends early, or is silent for longer than `patience` seconds.
 */
export async function startSide(command, args, { env = {}, patience = 120 } = {}) {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr = (stderr + chunk).slice(-4000);
  });
  child.stdin.on('error', () => {}); // a side that died is noticed by its missing answer
  const ended = new Promise((resolve) => {
    child.on('close', resolve);
    child.on('error', (e) => {
      stderr += e.message;
      resolve(-1);
    });
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async () => {
    let timer;
    const late = new Promise((resolve) => {
      timer = setTimeout(() => resolve({ late: true }), patience * 1000);
    });
    const { value, late: silent } = await Promise.race([lines.next(), late]);
    clearTimeout(timer);
    if (value !== undefined) return JSON.parse(value);
    if (silent) child.kill();
    else await ended;
    const why = stderr.split('\n').filter((line) => /error|no module/i.test(line))[0] ?? stderr.trim().slice(-200);
    throw new Error(silent ? `no answer in ${patience} s` : why);
  };
  const ask = (name, argument = 0) => {
    child.stdin.write(`${name} ${argument}\n`);
    return answer();
  };
  const close = async () => {
    child.stdin.end();
    const timer = setTimeout(() => child.kill(), 5000);
    await ended;
    clearTimeout(timer);
  };
  return { info: await answer(), ask, close };
}
