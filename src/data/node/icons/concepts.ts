/** What can be drawn: every emoji of Unicode without its skin tones, with CLDR's short name, keywords and groups. */
import { join } from 'node:path';
import { z } from 'zod';
import { readJson } from './iconify.ts';

/** One thing that every style draws in its own way. */
export type IconConcept = {
  /** Its code points, lower case, without variation selectors: `1f3c3-200d-2642`. */
  readonly id: string;
  /** CLDR's short name. */
  readonly caption: string;
  readonly keywords: readonly string[];
  readonly group: string;
  readonly subgroup: string;
};

const emoji = z.object({
  label: z.string(),
  hexcode: z.string(),
  tags: z.array(z.string()).optional(),
  group: z.int().optional(),
  subgroup: z.int().optional(),
});
const named = z.array(z.object({ key: z.string(), message: z.string(), order: z.int() }));
const messages = z.object({ groups: named, subgroups: named });

/** The concepts of an emojibase-data folder, in its order. Parts that only modify others (skin tones, hair, regional indicators) are left out. */
export async function readConcepts(folder: string): Promise<IconConcept[]> {
  const list = await readJson(join(folder, 'en', 'data.json'), z.array(emoji));
  const { groups, subgroups } = await readJson(join(folder, 'en', 'messages.json'), messages);
  const components = groups.find((g) => g.key === 'component')?.order;
  const nameOf = (of: z.infer<typeof named>): ReadonlyMap<number | undefined, string> =>
    new Map(of.map((g) => [g.order, g.message]));
  const [group, subgroup] = [nameOf(groups), nameOf(subgroups)];
  return list
    .filter((e) => e.group !== undefined && e.group !== components)
    .map((e) => ({
      id: plainCode(e.hexcode),
      caption: e.label,
      keywords: e.tags ?? [],
      group: (group.get(e.group) ?? '').replaceAll(/\b[a-z]/g, (c) => c.toUpperCase()), // as Unicode writes them
      subgroup: subgroup.get(e.subgroup) ?? '',
    }));
}

/**
 * Code points as every set writes them: lower case, no leading zeros, without the selectors that ask for a coloured or plain drawing, since
 * sets disagree on where these stand.
 */
export function plainCode(code: string): string {
  const points = code.toLowerCase().split('-');
  return points
    .map((p) => p.replace(/^0+/, ''))
    .filter((p) => p !== 'fe0f' && p !== 'fe0e')
    .join('-');
}
