/** Small stand-ins for the packages that `data icons` fetches: the same files with a handful of drawings of our own. */
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { iconStyles, namesPackage } from '../node/icons/icon-styles.ts';

/** A disc of one colour, on a canvas of 10 × 10. */
const disc = (colour: string): { body: string } => ({ body: `<circle cx="5" cy="5" r="4" fill="${colour}"/>` });
/** Twice as wide as high: white is added above and below. */
const flag = (colour: string): object => ({
  body: `<rect x="2" y="1" width="10" height="5" fill="${colour}"/>`,
  left: 2,
  top: 1,
  width: 10,
  height: 5,
});

type Icons = Readonly<Record<string, object>>;

const sets: Readonly<Record<string, { icons: Icons; aliases?: Icons; chars?: Readonly<Record<string, string>> }>> = {
  noto: {
    icons: { 'red-ball': disc('#f00'), tree: disc('#0a0'), 'red-ball-dark-skin-tone': disc('#500') },
    aliases: { 'crimson-orb': { parent: 'red-ball' } },
    chars: { '1f534': 'crimson-orb', '1f332': 'tree', '1f534-1f3ff': 'red-ball-dark-skin-tone' },
  },
  twemoji: {
    icons: { 'red-ball': disc('#e11'), 'flag-aland-islands': flag('#00f'), 'keycap-0': disc('#888') },
    chars: { '1f534': 'red-ball', '1f1e6-1f1fd': 'flag-aland-islands', '0030-20e3': 'keycap-0' },
  },
  openmoji: {
    icons: { ball: disc('#c00'), broken: { body: '<circle' } },
    chars: { '1f534': 'ball', '1f332': 'broken' },
  },
  emojione: { icons: { 'crimson-orb': disc('#f44'), 'flag-for-aland-islands': flag('#33f'), logo: disc('#000') } },
  'emojione-v1': {
    icons: { 'evergreen-tree': disc('#070'), 'orb-2': disc('#b00') },
    aliases: { 'red-ball': { parent: 'orb-2' } },
  },
  fxemoji: { icons: { evergreentree: disc('#0f0') } },
};

const emoji = [
  { label: 'red ball', hexcode: '1F534', tags: ['ball', 'red'], group: 8, subgroup: 97, skins: [] },
  { label: 'evergreen tree', hexcode: '1F332', tags: ['tree'], group: 3, subgroup: 39 },
  { label: 'flag: Åland Islands', hexcode: '1F1E6-1F1FD', tags: ['AX', 'flag'], group: 9, subgroup: 98 },
  { label: 'keycap: 0', hexcode: '0030-FE0F-20E3', tags: ['keycap'], group: 8, subgroup: 94 },
  { label: 'dark skin tone', hexcode: '1F3FF', group: 2, subgroup: 32 },
  { label: 'regional indicator A', hexcode: '1F1E6' },
];
const entry = (key: string, message: string, order: number): object => ({ key, message, order });
const messages = {
  groups: [
    entry('component', 'components', 2),
    entry('animals-nature', 'animals & nature', 3),
    entry('symbols', 'symbols', 8),
    entry('flags', 'flags', 9),
  ],
  subgroups: [entry('plant-other', 'other plants', 39), entry('geometric', 'geometric', 97)],
};

/** Writes every package as `<folder>/<name of package>`, as npm lays them out below `node_modules`. */
export async function writeIconPackages(folder: string): Promise<void> {
  for (const [style, { icons, aliases = {}, chars = {} }] of Object.entries(sets)) {
    const { name, version } = iconStyles[style]!;
    await writeFiles(join(folder, name), {
      'package.json': { name, version },
      'icons.json': { prefix: style, icons, aliases, width: 10, height: 10 },
      'chars.json': chars,
      'info.json': { name: `Set ${style}`, author: { name: 'Ours' }, license: { title: 'CC0', spdx: 'CC0-1.0' } },
    });
  }
  await writeFiles(join(folder, namesPackage.name), {
    'package.json': namesPackage,
    'en/data.json': emoji,
    'en/messages.json': messages,
  });
}

async function writeFiles(folder: string, files: Readonly<Record<string, object>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(join(folder, name, '..'), { recursive: true });
    await writeFile(join(folder, name), JSON.stringify(content));
  }
}

/** Writes a program that behaves as `npm install --prefix <folder> a@1 b@2` does, with the packages of `from`, and notes each call in `log`. */
export async function writeFakeNpm(path: string, from: string, log: string): Promise<void> {
  const program = `#!${process.execPath}
const { appendFileSync, cpSync } = require('node:fs');
const args = process.argv.slice(2);
appendFileSync(${JSON.stringify(log)}, args.filter((a) => a.startsWith('-')).join(' ') + '\\n');
const folder = args[args.indexOf('--prefix') + 1];
for (const wanted of args.slice(args.indexOf('--prefix') + 2)) {
  const name = wanted.slice(0, wanted.lastIndexOf('@'));
  cpSync(${JSON.stringify(from)} + '/' + name, folder + '/node_modules/' + name, { recursive: true });
}
`;
  await writeFile(path, program);
  await chmod(path, 0o755);
}
