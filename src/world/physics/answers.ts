/** From what a session answers to actions that can be done: asked in time, checked, one after another. */
import { Rng, throwIfAborted } from '../../base/index.ts';
import { createRenderer } from '../render/frame.ts';
import type { ActAnswer, ActObservation, ActSession, StepOptions } from '../sessions.ts';
import { handState, sightOf } from './observe.ts';
import { type PoseAction, poseAction } from './pose-action.ts';
import type { Action, Simulation } from './simulation.ts';

/** Thrown by sessions of the world itself for what the policy behind them did wrong: the message is the reason of the failure. */
export class PolicyFault extends Error {}

/** How a session is asked. */
export type AskOptions = {
  readonly stepTimeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
};

/** The actions of a session, until it does something wrong: the generator returns what. Error `aborted`. */
export async function* actionsOf(
  sim: Simulation,
  session: ActSession,
  o: AskOptions & { readonly seed?: string },
): AsyncGenerator<Action, string> {
  const rng = new Rng(`${o.seed ?? ''}/boxes`);
  const renderer = createRenderer();
  for (let step = 0; ; ) {
    const observation: ActObservation = {
      step,
      ...sightOf(sim, session.views, { rng, renderer }),
      state: Float32Array.from(handState(sim)),
    };
    const answer = await asked((call) => session.act(observation, call), o);
    if ('fault' in answer) return answer.fault;
    const list = listOf(answer.value);
    if (typeof list === 'string') return list;
    for (const action of list)
      try {
        for (const each of 'kind' in action ? poseAction(sim, action) : [action]) {
          yield each;
          step++;
        }
      } catch (e) {
        return `the policy gave a wrong action: ${(e as Error).message}`;
      }
  }
}

/**
 * Waits for an answer, no longer than `stepTimeout`. What goes wrong on the other side comes back as a fault; being aborted is thrown. Only a
 * session that gives way (awaits something) can be timed: one that computes without end must run in a thread that can be ended.
 */
export async function asked<T>(
  question: (o: StepOptions) => Promise<T>,
  o: AskOptions,
): Promise<{ readonly value: T } | { readonly fault: string }> {
  throwIfAborted(o.signal, 'episode');
  const stop = new AbortController();
  const abort = (): void => stop.abort();
  o.signal?.addEventListener('abort', abort);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const ended = new Promise<{ readonly fault: string }>((resolve) => {
    stop.signal.addEventListener('abort', () => resolve({ fault: `the policy took longer than ${o.stepTimeout} ms` }));
    if (o.stepTimeout !== undefined) timer = setTimeout(abort, o.stepTimeout);
  });
  try {
    const answer = (async () => ({ value: await question({ signal: stop.signal }) }))().catch((e: unknown) => ({
      fault: e instanceof PolicyFault ? e.message : `the policy threw: ${e instanceof Error ? e.message : String(e)}`,
    }));
    const first = await Promise.race([answer, ended]);
    throwIfAborted(o.signal, 'episode');
    return first;
  } finally {
    clearTimeout(timer);
    o.signal?.removeEventListener('abort', abort);
  }
}

/** The actions of an answer, or what is wrong with it. Answers come from code that no compiler has seen. */
function listOf(answer: ActAnswer): readonly (Action | PoseAction)[] | string {
  const list: readonly unknown[] = Array.isArray(answer) ? answer : [answer];
  if (list.length === 0) return 'the policy gave no action: an empty list';
  const out: (Action | PoseAction)[] = [];
  for (const [i, each] of list.entries()) {
    const wrong = actionFault(each);
    if (wrong !== undefined)
      return `the policy gave a wrong action${list.length > 1 ? ` (number ${i} of its list)` : ''}: ${wrong}`;
    out.push(each as Action | PoseAction);
  }
  return out;
}

/** Why something is no action, or undefined. */
function actionFault(x: unknown): string | undefined {
  if (typeof x !== 'object' || x === null)
    return `${typeof x === 'object' ? 'null' : typeof x} where { move, turn, grip, done } is needed`;
  const a = x as Readonly<Record<string, unknown>>;
  if ('kind' in a) return poseFault(a);
  for (const name of ['move', 'turn'] as const) {
    const numbers = a[name];
    if (!Array.isArray(numbers) && !ArrayBuffer.isView(numbers)) return `${name} is not a list of three numbers`;
    const list = Array.from(numbers as ArrayLike<unknown>);
    if (list.length !== 3) return `${name} has ${list.length} numbers, not 3`;
    if (!list.every(Number.isFinite)) return `${name} is ${list.join(', ')}`;
  }
  if (!Number.isFinite(a['grip'])) return `grip is ${String(a['grip'])}, not a number from −1 to 1`;
  return typeof a['done'] === 'boolean' ? undefined : `done is ${String(a['done'])}, not true or false`;
}

function poseFault(a: Readonly<Record<string, unknown>>): string | undefined {
  if (a['kind'] !== 'pick-place' && a['kind'] !== 'sweep')
    return `kind is ${String(a['kind'])}, not pick-place or sweep`;
  for (const name of ['from', 'to'] as const) {
    const pose = a[name] as Readonly<Record<string, unknown>> | undefined;
    if (!pose || !['x', 'y', 'yaw'].every((k) => Number.isFinite(pose[k]))) return `${name} is not { x, y, yaw }`;
  }
  return undefined;
}
