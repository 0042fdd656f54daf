/** The page about licences that lies beside rendered images. */

import { namesPackage } from './icon-styles.ts';
import type { IconCredit } from './iconify.ts';

/** LICENCES.md: for every style where it is from, who made it, and under which licence. */
export function creditsPage(credits: readonly IconCredit[]): string {
  const link = (text: string, url: string | undefined): string => (url === undefined ? text : `[${text}](${url})`);
  const rows = credits.map(
    (c) =>
      `| ${c.style} | ${c.title} | ${link(c.author, c.url)} | ${link(c.licence, c.licenceUrl)} | ${c.package}@${c.version} |`,
  );
  return [
    '# Where these images are from',
    '',
    'Rendered by `bow2bot data icons` from openly licensed drawings, on white, otherwise unchanged. Whoever passes them on passes on the credit and, where',
    'the licence is a share-alike one (CC-BY-SA), the licence. The `licence` key of every sample names it too.',
    '',
    '| style | set | made by | licence | npm package |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
    `Names, keywords and groups: Unicode CLDR ([Unicode License](https://www.unicode.org/license.txt)) as in ${namesPackage.name}@${namesPackage.version} (MIT), whose further keywords are emojibase's.`,
    '',
  ].join('\n');
}
