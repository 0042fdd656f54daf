/**
 * SentencePiece's model files (`.spm`, `sentencepiece.bpe.model`): a protocol buffer with the pieces of a unigram vocabulary and how texts are
 * normalised. Kudo and Richardson 2018, arXiv:1808.06226; fields as in sentencepiece_model.proto.
 */
import { BowError, need, needText, refuseSetting } from '../base/index.ts';

/** A part of words and its log-probability. */
export type UnigramPiece = readonly [piece: string, score: number];

/** How texts are normalised before they are cut: SentencePiece's default (NFKC and its table of spaces), or not at all. */
export type UnigramNormaliser = 'nmt_nfkc' | 'identity';

/** What a model file says. */
export type SentencePieceModel = {
  /** All pieces in order of SentencePiece's ids; the first three are `<unk>`, `<s>` and `</s>`. */
  readonly pieces: readonly UnigramPiece[];
  readonly normaliser: UnigramNormaliser;
};

type Field = { readonly number: number; readonly value: number | Uint8Array };

/** Kinds of a piece: NORMAL, UNKNOWN, CONTROL. What a user defined, what is unused and single bytes would be cut by other rules. */
const [NORMAL, UNKNOWN, CONTROL] = [1, 2, 3];

/** `trainer_spec.model_type`. */
const UNIGRAM = 1;

/** The pieces that texts are not cut into, by id. */
const first = ['<unk>', '<s>', '</s>'];

/** Reads a model file. `place`: the file, for errors. Error `checkpoint` for what is damaged, no unigram model, or cut by rules that cannot be obeyed. */
export function readSentencePiece(bytes: Uint8Array, place: string): SentencePieceModel {
  need(bytes instanceof Uint8Array, 'the bytes of a model file', 'a Uint8Array', bytes);
  needText('place', place);
  const pieces: UnigramPiece[] = [];
  let normaliser: UnigramNormaliser = 'nmt_nfkc';
  for (const { number, value } of fieldsOf(bytes, place)) {
    if (number === 1) pieces.push(pieceOf(message(value, place), pieces.length, place));
    if (number === 2) checkTrainer(message(value, place), place);
    if (number === 3) normaliser = normaliserOf(message(value, place), place);
  }
  const found = pieces.slice(0, 3).map(([piece]) => piece);
  if (found.join() !== first.join())
    throw new BowError('checkpoint', 'not a SentencePiece model that starts with <unk>, <s> and </s>', {
      ...{ place, detail: { first: found, pieces: pieces.length } },
    });
  return { pieces, normaliser };
}

function pieceOf(fields: Iterable<Field>, at: number, place: string): UnigramPiece {
  let [piece, score, kind] = ['', 0, NORMAL];
  for (const { number, value } of fields) {
    if (number === 1) piece = textOf(value, place);
    if (number === 2) score = floatOf(value, place);
    if (number === 3) kind = Number(value);
  }
  const wanted = at === 0 ? UNKNOWN : at < first.length ? CONTROL : NORMAL;
  if (kind !== wanted || piece === '')
    refuseSetting(`pieces[${at}].type`, kind, { place, known: `${wanted} for ${JSON.stringify(piece)}` });
  return [piece, score];
}

function checkTrainer(fields: Iterable<Field>, place: string): void {
  for (const { number, value } of fields) {
    if (number === 3 && value !== UNIGRAM)
      refuseSetting('trainer_spec.model_type', value, { place, known: '1, unigram' });
    if (number === 24 && value !== 0)
      refuseSetting('trainer_spec.treat_whitespace_as_suffix', true, { place, known: 'false' });
    if (number === 35 && value !== 0) refuseSetting('trainer_spec.byte_fallback', true, { place, known: 'false' });
  }
}

const flags: Readonly<Record<number, string>> = {
  3: 'add_dummy_prefix',
  4: 'remove_extra_whitespaces',
  5: 'escape_whitespaces',
};

function normaliserOf(fields: Iterable<Field>, place: string): UnigramNormaliser {
  let name = 'nmt_nfkc';
  for (const { number, value } of fields) {
    if (number === 1) name = textOf(value, place);
    const flag = flags[number];
    if (flag && value !== 1) refuseSetting(`normalizer_spec.${flag}`, false, { place, known: 'true' });
  }
  if (name === 'nmt_nfkc' || name === 'identity') return name;
  return refuseSetting('normalizer_spec.name', name, { place, known: 'nmt_nfkc, identity' });
}

const damaged = (place: string, why: string): BowError =>
  new BowError('checkpoint', `a damaged SentencePiece model: ${why}`, { place });

function message(value: Field['value'], place: string): Iterable<Field> {
  if (typeof value === 'number') throw damaged(place, 'a number where a message is wanted');
  return fieldsOf(value, place);
}

function textOf(value: Field['value'], place: string): string {
  if (typeof value === 'number') throw damaged(place, 'a number where a text is wanted');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(value);
  } catch {
    throw damaged(place, 'a text that is not UTF-8');
  }
}

function floatOf(value: Field['value'], place: string): number {
  if (typeof value === 'number' || value.length !== 4) throw damaged(place, 'a score that is no float');
  return new DataView(value.buffer, value.byteOffset).getFloat32(0, true);
}

/** The fields of a message: numbers (varints) and byte strings; a float is its four bytes. Protocol Buffers, "Encoding". */
function* fieldsOf(bytes: Uint8Array, place: string): Generator<Field> {
  let at = 0;
  const take = (n: number): Uint8Array => {
    if (at + n > bytes.length) throw damaged(place, 'it ends in the middle of a field');
    at += n;
    return bytes.subarray(at - n, at);
  };
  const varint = (): number => {
    let x = 0;
    for (let i = 0; i < 10; i++) {
      const byte = take(1)[0]!;
      x += (byte & 127) * 2 ** (7 * i);
      if (byte < 128) return x;
    }
    throw damaged(place, 'a number of more than ten bytes');
  };
  while (at < bytes.length) {
    const tag = varint();
    const [number, wire] = [Math.floor(tag / 8), tag % 8];
    if (wire === 0) yield { number, value: varint() };
    else if (wire === 2) yield { number, value: take(varint()) };
    else if (wire === 1 || wire === 5) yield { number, value: take(wire === 1 ? 8 : 4) };
    else throw damaged(place, `a field of wire type ${wire}`);
  }
}
