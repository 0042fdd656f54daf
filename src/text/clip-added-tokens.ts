/** The added tokens of a published CLIP tokenizer, from whichever files name them, with the ids that Hugging Face's tokenizers give them. */
import { BowError, checkSettings, isRecord, refuseSetting } from '../base/index.ts';
import type { AddedToken } from './added-tokens.ts';
import { type ClipTokenizerFiles, type NamedToken, type TokenizerConfig, tokenOf } from './clip-tokenizer-config.ts';

type Json = Readonly<Record<string, unknown>>;
/** A token before it has an id; `id`: what its file says. */
type Wanted = { readonly content: string; readonly flags: Json; readonly id?: number; readonly place: string };

const flagKeys = ['single_word', 'lstrip', 'rstrip', 'normalized', 'special'];

/**
 * transformers' order: `added_tokens_decoder` of tokenizer_config.json where it is there, else added_tokens.json and `added_tokens` of tokenizer.json;
 * by id; then the named ones (start, end, unknown, filling, …) and the extra ones. Error `checkpoint` for a token whose id is not the one that it gets:
 * that of the vocabulary, else the next free one.
 */
export function addedTokensOf(
  files: ClipTokenizerFiles,
  config: TokenizerConfig,
  ids: ReadonlyMap<string, number>,
  at: (name: string) => string,
): AddedToken[] {
  const listed = config.decoder
    ? fromDecoder(config.decoder, config.place)
    : new Map([...fromAddedFile(files, config, at), ...fromJson(files['tokenizer.json'], at('tokenizer.json'))]);
  const special = (t: NamedToken): Wanted => ({ ...t, flags: { ...t.flags, special: true }, place: config.place });
  const all = [
    ...[...listed.values()].sort((a, b) => a.id! - b.id!),
    ...Object.values(config.named).flatMap((t) => (t ? [special(t)] : [])),
    ...config.extra.map(special),
  ];
  const out: AddedToken[] = [];
  const seen = new Set<string>();
  let next = ids.size;
  for (const token of all) {
    if (token.content === '' || seen.has(token.content)) continue;
    seen.add(token.content);
    const id = ids.get(token.content) ?? next++;
    if (token.id !== undefined && token.id !== id)
      throw new BowError(
        'checkpoint',
        `added_tokens: ${JSON.stringify(token.content)} has the id ${token.id}, where it gets ${id}`,
        {
          place: token.place,
          hint: ids.has(token.content)
            ? 'the vocabulary has it under that id'
            : 'ids of added tokens follow the vocabulary without gaps',
        },
      );
    out.push({ ...flagsOf(token), id, content: token.content });
  }
  return out;
}

type Listed = Map<number, Wanted>;

function fromDecoder(decoder: Json, place: string): Listed {
  return new Map(
    Object.entries(decoder).map(([key, x]) => {
      const path = `added_tokens_decoder["${key}"]`;
      if (!isRecord(x)) return refuseSetting(path, x, { place, known: 'an object with content' });
      return [idOf(Number(key), path, place), { ...listedToken(x, path, place, []), id: Number(key), place }];
    }),
  );
}

function fromJson(json: unknown, place: string): Listed {
  if (json === undefined) return new Map();
  const list = isRecord(json) ? json['added_tokens'] : undefined;
  if (!Array.isArray(list)) return refuseSetting('added_tokens', list, { place, known: 'a list of tokens' });
  return new Map(
    list.map((x: unknown, i) => {
      const path = `added_tokens[${i}]`;
      const token = listedToken(x, path, place, ['id']);
      const id = idOf((x as Json)['id'], `${path}.id`, place);
      return [id, { ...token, id, place }];
    }),
  );
}

/** added_tokens.json: ids by token, normalised unless they are special by name. */
function fromAddedFile(files: ClipTokenizerFiles, config: TokenizerConfig, at: (name: string) => string): Listed {
  const place = at('added_tokens.json');
  const json = files['added_tokens.json'] ?? {};
  if (!isRecord(json)) return refuseSetting('the whole file', json, { place, known: 'ids by token' });
  const names = new Set([...Object.values(config.named), ...config.extra].map((t) => t?.content));
  return new Map(
    Object.entries(json).map(([content, id]) => {
      const known = idOf(id, `["${content}"]`, place);
      const special = names.has(content);
      return [known, { content, flags: { special, normalized: !special }, id: known, place }];
    }),
  );
}

function listedToken(x: unknown, path: string, place: string, more: readonly string[]): NamedToken {
  const token = tokenOf(x, path, place);
  checkSettings(token.flags, ['content', '__type', ...flagKeys, ...more], { place, path });
  for (const key of flagKeys)
    if (!['undefined', 'boolean'].includes(typeof token.flags[key]))
      refuseSetting(`${path}.${key}`, token.flags[key], { place, known: 'true, false' });
  return token;
}

function idOf(x: unknown, path: string, place: string): number {
  return typeof x === 'number' && Number.isInteger(x) && x >= 0
    ? x
    : refuseSetting(path, x, { place, known: 'a whole number, the token’s id' });
}

/** Flags that are not given: a special token is not normalised. */
function flagsOf({ flags }: Wanted): Omit<AddedToken, 'id' | 'content'> {
  const special = flags['special'] === true;
  return {
    singleWord: flags['single_word'] === true,
    lstrip: flags['lstrip'] === true,
    rstrip: flags['rstrip'] === true,
    normalized: typeof flags['normalized'] === 'boolean' ? flags['normalized'] : !special,
    special,
  };
}
