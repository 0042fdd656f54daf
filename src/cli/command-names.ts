/** The commands, by name. */
export const commandNames = [
  'analogy',
  'cache',
  'classify',
  'data',
  'doctor',
  'download',
  'fit',
  'index',
  'insights',
  'keywords',
  'ladder',
  'search',
  'similar',
  'start',
  'train',
  'world',
  'zero-shot',
] as const;

export type CommandName = (typeof commandNames)[number];
