/**
 * The icon sets that `data icons` knows, as the npm registry has them: Iconify's packages of the projects' own drawings, one drawing style each.
 * Versions are pinned, so that the same command gives the same images. Licence and author are read from the packages.
 */

/** An npm package at one version. */
export type PinnedPackage = { readonly name: string; readonly version: string };

/** Drawing styles by name. The first three name their icons by code points, the others by words only. */
export const iconStyles: Readonly<Record<string, PinnedPackage>> = {
  noto: { name: '@iconify-json/noto', version: '1.2.9' },
  twemoji: { name: '@iconify-json/twemoji', version: '1.2.5' },
  openmoji: { name: '@iconify-json/openmoji', version: '1.2.29' },
  emojione: { name: '@iconify-json/emojione', version: '1.2.3' },
  'emojione-v1': { name: '@iconify-json/emojione-v1', version: '1.2.3' },
  fxemoji: { name: '@iconify-json/fxemoji', version: '1.2.2' },
};

/** Names, keywords and groups of all emoji: Unicode CLDR's, in English, with the keywords of emojibase besides. */
export const namesPackage: PinnedPackage = { name: 'emojibase-data', version: '17.0.0' };
