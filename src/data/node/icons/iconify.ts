/** Iconify's packages: `icons.json` (drawings by name, other names), `chars.json` (names by code points), `info.json` (licence, author). */
import { join } from 'node:path';
import { z } from 'zod';
import { BowError } from '../../../base/index.ts';
import { readText } from '../../../base/node/index.ts';

const box = {
  left: z.number().optional(),
  top: z.number().optional(),
  width: z.number().positive().optional(),
  height: z.number().positive().optional(),
};
const drawing = z.object({ body: z.string(), ...box });
const icons = z.object({
  icons: z.record(z.string(), drawing),
  aliases: z.record(z.string(), z.object({ parent: z.string() })).optional(),
  ...box,
});
const info = z.object({
  name: z.string(),
  author: z.object({ name: z.string(), url: z.string().optional() }),
  license: z.object({ title: z.string(), spdx: z.string().optional(), url: z.string().optional() }),
});
const manifest = z.object({ name: z.string(), version: z.string() });
const chars = z.record(z.string(), z.string());

/** Who made a set, and what its licence allows. */
export type IconCredit = {
  readonly style: string;
  readonly title: string;
  readonly package: string;
  readonly version: string;
  /** SPDX name where the package gives one. */
  readonly licence: string;
  readonly licenceUrl: string | undefined;
  readonly author: string;
  readonly url: string | undefined;
};

/** A set of drawings. */
export type IconSet = {
  readonly credit: IconCredit;
  /** The names of the drawings, in the package's order. */
  readonly names: readonly string[];
  /** Other names of a drawing. */
  readonly others: ReadonlyMap<string, readonly string[]>;
  /** Code points (lower case, joined by "-") → name; empty in packages that know names only. */
  readonly codes: ReadonlyMap<string, string>;
  /** A drawing as an SVG document of `size` × `size` pixels. */
  svg(name: string, size: number): string;
};

/** Reads a package's folder. Error `data` when it is not an Iconify package. */
export async function readIconSet(style: string, folder: string): Promise<IconSet> {
  const set = await readJson(join(folder, 'icons.json'), icons);
  const codes = await readJson(join(folder, 'chars.json'), chars);
  const parents = new Map(Object.entries(set.aliases ?? {}).map(([name, { parent }]) => [name, parent]));
  const others = new Map<string, string[]>();
  for (const [name, parent] of parents) others.set(parent, [...(others.get(parent) ?? []), name]);
  const drawings = new Map(Object.entries(set.icons));
  return {
    credit: await readCredit(style, folder),
    names: [...drawings.keys()],
    others,
    codes: new Map(Object.entries(codes).map(([code, name]) => [code, parents.get(name) ?? name])),
    svg: (name, size) => {
      const icon = drawings.get(name);
      if (!icon) throw new BowError('data', `no drawing "${name}"`, { place: join(folder, 'icons.json') });
      const of = (key: keyof typeof box, fallback: number): number => icon[key] ?? set[key] ?? fallback;
      const view = [of('left', 0), of('top', 0), of('width', 16), of('height', 16)].join(' '); // Iconify's defaults
      const frame = `viewBox="${view}" width="${size}" height="${size}"`;
      return `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ${frame}>${icon.body}</svg>`;
    },
  };
}

async function readCredit(style: string, folder: string): Promise<IconCredit> {
  const { name, author, license } = await readJson(join(folder, 'info.json'), info);
  const own = await readJson(join(folder, 'package.json'), manifest);
  return {
    style,
    title: name,
    package: own.name,
    version: own.version,
    licence: license.spdx ?? license.title,
    licenceUrl: license.url,
    author: author.name,
    url: author.url,
  };
}

/** A JSON file of a known form. Error `data` with the file and the first key that is wrong. */
export async function readJson<T>(path: string, schema: z.ZodType<T>): Promise<T> {
  let found: unknown;
  try {
    found = JSON.parse(await readText(path));
  } catch (e) {
    if (e instanceof SyntaxError) throw new BowError('data', `not JSON: ${e.message}`, { place: path, cause: e });
    throw e;
  }
  const parsed = schema.safeParse(found);
  if (parsed.success) return parsed.data;
  const first = parsed.error.issues[0]!;
  throw new BowError('data', `${first.path.join('.')}: ${first.message}`, { place: path });
}
