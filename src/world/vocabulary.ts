/**
 * The words of the tabletop and how they are split. The splits are fixed here and never sampled, as CLIPort fixes seen and unseen colours and
 * VIMABench its shapes, so that "held out" means the same in every experiment.
 */
import { hash32 } from '../base/index.ts';

/** Red, green, blue in [0, 1]. */
export type Rgb = readonly [number, number, number];

/** The colours with their look. */
export type Colour = 'red' | 'green' | 'blue' | 'yellow' | 'orange' | 'purple' | 'cyan' | 'white' | 'brown' | 'grey';
export const COLOURS: Readonly<Record<Colour, Rgb>> = {
  red: [0.84, 0.1, 0.1],
  green: [0.1, 0.58, 0.18],
  blue: [0.12, 0.28, 0.86],
  yellow: [0.98, 0.84, 0.1],
  orange: [0.98, 0.47, 0.04],
  purple: [0.5, 0.16, 0.68],
  cyan: [0.1, 0.78, 0.84],
  white: [0.95, 0.95, 0.95],
  brown: [0.38, 0.2, 0.09],
  grey: [0.47, 0.48, 0.5],
};
export const colours: readonly Colour[] = Object.keys(COLOURS) as Colour[];

export const patterns = ['plain', 'striped', 'dotted', 'checkered'] as const;
export type Pattern = (typeof patterns)[number];

/** Sizes with the factor on the medium measures of the catalogue. */
export type Size = 'small' | 'medium' | 'large';
export const SIZES: Readonly<Record<Size, number>> = { small: 0.78, medium: 1, large: 1.26 };
export const sizes: readonly Size[] = Object.keys(SIZES) as Size[];

/** What an object is called: words for training, and words held out (generalisation split G5). The first training word is its plain name. */
export type Words = { readonly train: readonly [string, ...string[]]; readonly heldOut: readonly string[] };

/** Every kind of object, with its nouns. */
export type Kind =
  | 'cube'
  | 'cylinder'
  | 'triangle'
  | 'l-block'
  | 'star'
  | 'ring'
  | 'ball'
  | 'bowl'
  | 'plate'
  | 'tray'
  | 'cup'
  | 'bottle'
  | 'can'
  | 'apple'
  | 'spoon'
  | 'sponge'
  | 'key'
  | 'lid'
  | 'hammer'
  | 'brush'
  | 'peg'
  | 'drawer'
  | 'cabinet'
  | 'button'
  | 'nail'
  | 'socket'
  | 'shelf'
  | 'bead';
export const NOUNS: Readonly<Record<Kind, Words>> = {
  cube: { train: ['cube', 'block'], heldOut: ['square block'] },
  cylinder: { train: ['cylinder'], heldOut: ['round pillar'] },
  triangle: { train: ['triangle', 'triangular block'], heldOut: ['wedge'] },
  'l-block': { train: ['L-block', 'L-shaped block'], heldOut: ['corner piece'] },
  star: { train: ['star'], heldOut: ['star-shaped block'] },
  ring: { train: ['ring'], heldOut: ['hoop'] },
  ball: { train: ['ball', 'sphere'], heldOut: ['orb'] },
  bowl: { train: ['bowl'], heldOut: ['basin'] },
  plate: { train: ['plate', 'dish'], heldOut: ['saucer'] },
  tray: { train: ['tray'], heldOut: ['platter'] },
  cup: { train: ['cup', 'mug'], heldOut: ['beaker'] },
  bottle: { train: ['bottle'], heldOut: ['flask'] },
  can: { train: ['can', 'tin'], heldOut: ['soda can'] },
  apple: { train: ['apple'], heldOut: ['fruit'] },
  spoon: { train: ['spoon'], heldOut: ['ladle'] },
  sponge: { train: ['sponge'], heldOut: ['scrubber'] },
  key: { train: ['key'], heldOut: ['door key'] },
  lid: { train: ['lid'], heldOut: ['cover'] },
  hammer: { train: ['hammer'], heldOut: ['mallet'] },
  brush: { train: ['brush'], heldOut: ['sweeper'] },
  peg: { train: ['peg'], heldOut: ['dowel'] },
  drawer: { train: ['drawer'], heldOut: ['chest'] },
  cabinet: { train: ['cabinet'], heldOut: ['cupboard'] },
  button: { train: ['button'], heldOut: ['switch'] },
  nail: { train: ['nail'], heldOut: ['spike'] },
  socket: { train: ['hole', 'socket'], heldOut: ['slot'] },
  shelf: { train: ['shelf'], heldOut: ['rack'] },
  bead: { train: ['bead'], heldOut: ['pellet'] },
};
export const kinds: readonly Kind[] = Object.keys(NOUNS) as Kind[];

/** Toy blocks, things of a kitchen, what can hold others, and what is fixed to the table. */
export const blockKinds = ['cube', 'cylinder', 'triangle', 'l-block', 'star', 'ring', 'ball'] as const;
export const householdKinds = ['cup', 'bottle', 'can', 'apple', 'spoon', 'sponge', 'key', 'lid'] as const;
export const receptacleKinds = ['bowl', 'plate', 'tray'] as const;
export const toolKinds = ['hammer', 'brush', 'peg'] as const;
export const fixtureKinds = ['drawer', 'cabinet', 'button', 'nail', 'socket', 'shelf'] as const;

/** What robot demonstrations may show (train) and what only language and images show (held out). */
export const robotSplit: {
  readonly colours: Readonly<Record<'train' | 'held-out', readonly Colour[]>>;
  readonly shapes: Readonly<Record<'train' | 'held-out', readonly Kind[]>>;
  readonly receptacles: Readonly<Record<'train' | 'held-out', readonly Kind[]>>;
} = {
  colours: {
    train: ['red', 'green', 'blue', 'yellow', 'brown', 'grey', 'cyan'],
    'held-out': ['orange', 'purple', 'white'],
  },
  shapes: { train: ['cube', 'cylinder', 'triangle', 'l-block'], 'held-out': ['star', 'ring', 'ball'] },
  receptacles: { train: ['bowl', 'tray'], 'held-out': ['plate'] },
};

/** Which data an example belongs to: seen combinations, the same distribution under other seeds, or combinations never seen in training. */
export type Split = 'train' | 'validation' | 'held-out';
export const splits: readonly Split[] = ['train', 'validation', 'held-out'];

/**
 * True for the colour–kind pairs that no training image shows: exactly one colour of ten for every kind, a different one for neighbours,
 * so every colour and every kind is seen in nine other pairs.
 */
export function isHeldOutPair(colour: Colour, kind: Kind): boolean {
  return (3 * kinds.indexOf(kind) + colours.indexOf(colour)) % colours.length === 7;
}

/** Verbs and phrases of instructions; as with nouns, some are held out. */
export type Verb = 'pick' | 'put' | 'push' | 'touch' | 'open' | 'close' | 'stack';
export const VERBS: Readonly<Record<Verb, Words>> = {
  pick: { train: ['pick up', 'grasp', 'lift'], heldOut: ['take', 'grab'] },
  put: { train: ['put', 'place', 'move'], heldOut: ['set', 'drop', 'lay'] },
  push: { train: ['push', 'slide'], heldOut: ['shove', 'nudge'] },
  touch: { train: ['touch', 'point at', 'reach'], heldOut: ['tap', 'go to'] },
  open: { train: ['open', 'pull open'], heldOut: ['slide open'] },
  close: { train: ['close', 'push shut'], heldOut: ['shut'] },
  stack: { train: ['stack', 'put'], heldOut: ['pile'] },
};

/** Which list of words a text may use. `plain` is the first training word only. */
export type WordChoice = 'plain' | 'train' | 'held-out';

/** All words of an entry that a choice allows. */
export function wordsOf(entry: Words, choice: WordChoice): readonly string[] {
  if (choice === 'plain') return [entry.train[0]];
  return choice === 'train' ? entry.train : entry.heldOut;
}

/** The noun of a kind as plain English: `L-block`. */
export function plainNoun(kind: Kind): string {
  return NOUNS[kind].train[0];
}

/** A stable number for names that order things the same way everywhere. */
export function nameHash(name: string): number {
  return hash32(name, 0x5bd1e995);
}
