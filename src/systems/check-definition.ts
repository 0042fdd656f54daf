/** What a definition must hold, checked when it becomes a system: written in JavaScript, or with a cast, it may lack anything. */
import { BowError, isRecord } from '../base/index.ts';
import type { SystemDefinition } from './definition.ts';
import type { System } from './system.ts';

const isText = (x: unknown): boolean => typeof x === 'string' && x !== '';
const isFunction = (x: unknown): boolean => typeof x === 'function';
const isList = (x: unknown): x is readonly unknown[] => Array.isArray(x) && x.length > 0;
/** True when all members are of their kind. */
const has = (x: unknown, members: Readonly<Record<string, (value: unknown) => boolean>>): boolean =>
  isRecord(x) && Object.entries(members).every(([name, is]) => is(x[name]));

/** Names of systems are words of a command line, `model_type`s and parts of file names. */
const isId = (x: unknown): boolean => typeof x === 'string' && /^[A-Za-z0-9][\w.-]*$/.test(x);

const isLayoutOfFiles = (x: unknown): boolean =>
  has(x, { id: isText, settings: (s) => isList(s) && s.every(isText), recognises: isFunction });
const isLayout = (x: unknown): boolean =>
  isLayoutOfFiles(x) && has(x, { config: isFunction, parts: isFunction, names: isFunction, write: isFunction });

function demand(what: string, id: unknown, fits: boolean, wanted: string): void {
  if (fits) return;
  const place = typeof id === 'string' && id !== '' ? { place: id } : {};
  throw new BowError('usage', `${what}: ${wanted}`, place);
}

/** Throws `usage` for a definition that lacks something, with the member. */
export function checkDefinition<C, P, D, N>(d: SystemDefinition<C, P, D, N>): void {
  const say = (fits: boolean, wanted: string): void =>
    demand('definition of a system', isRecord(d) && d.id, fits, wanted);
  say(isRecord(d), 'must be an object');
  say(isId(d.id), '`id` must be a word of letters, digits, dots, dashes');
  say(isText(d.title) && isText(d.paper), '`title` and `paper` must be texts');
  say(isRecord(d.variants) && Object.keys(d.variants).length > 0, '`variants` must name at least one config');
  say(has(d.config, { safeParse: isFunction }), '`config` must be a Zod schema');
  say(isList(d.layouts) && d.layouts.every(isLayout), '`layouts` must be a list of layouts, with all their functions');
  say(has(d.model, { inputs: isFunction, trace: isFunction }), '`model` must have `inputs` and `trace`');
  say(isFunction(d.open), '`open` must be a function');
  say(d.resized === undefined || isFunction(d.resized), '`resized` must be a function');
  if (d.training !== undefined) checkTraining(d.training, say);
}

function checkTraining(t: unknown, say: (fits: boolean, wanted: string) => void): void {
  say(isRecord(t), '`training` must be an object');
  say(has(t, { needs: isFunction, parts: isFunction }), '`training` must have `needs` and `parts`');
  say(has(t, { data: (x) => has(x, { id: isText, schema: isRecord }) }), '`training.data` must be a kind of data');
  say(has(t, { presets: isRecord, card: isRecord }), '`training.presets` and `training.card` must be objects');
  const stages = isRecord(t) ? t['stages'] : undefined;
  say(isList(stages), '`training.stages` must be a list of at least one stage');
  for (const stage of isList(stages) ? stages : [])
    say(has(stage, { id: isId, objectives: isFunction }), 'a stage must have an `id`, a word, and `objectives`');
}

/** Throws `usage` for a system that was made without `defineSystem` and lacks something. */
export function checkSystem(s: System): void {
  const say = (fits: boolean, wanted: string): void => demand('system', isRecord(s) && s.id, fits, wanted);
  say(has(s, { id: isId }), '`id` must be a word of letters, digits, dots, dashes');
  say(isText(s.title) && isText(s.paper), '`title` and `paper` must be texts');
  say(Array.isArray(s.variants) && s.variants.every(isText), '`variants` must be a list of names');
  say(isList(s.layouts) && s.layouts.every(isLayoutOfFiles), '`layouts` must be a list of layouts');
  say(isFunction(s.recognises) && isFunction(s.open), '`recognises` and `open` must be functions');
}
