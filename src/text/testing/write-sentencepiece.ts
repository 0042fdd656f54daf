/** SentencePiece model files for tests. */

const varint = (x: number): number[] => (x < 128 ? [x] : [(x & 127) | 128, ...varint(Math.floor(x / 128))]);
const field = (number: number, wire: number): number[] => varint(number * 8 + wire);
const bytes = (number: number, value: Iterable<number>): number[] => {
  const list = [...value];
  return [...field(number, 2), ...varint(list.length), ...list];
};
const text = (number: number, value: string): number[] => bytes(number, new TextEncoder().encode(value));
const float = (number: number, value: number): number[] => [
  ...field(number, 5),
  ...new Uint8Array(new Float32Array([value]).buffer),
];
/** A number or a flag. */
export const whole = (number: number, value: number): number[] => [...field(number, 0), ...varint(value)];

/** Options of {@link writeSentencePiece}: further fields of the trainer's and the normaliser's message. */
export type WrittenModel = {
  readonly normaliser?: string;
  readonly trainer?: number[];
  readonly rules?: number[];
  readonly kind?: number;
};

/** A unigram model of these pieces after `<unk>`, `<s>`, `</s>`; `kind`: the type of the last piece. */
export function writeSentencePiece(pieces: readonly (readonly [string, number])[], o: WrittenModel = {}): Uint8Array {
  const all = [['<unk>', 0], ['<s>', 0], ['</s>', 0], ...pieces] as const;
  const kindOf = (i: number): number => (i === 0 ? 2 : i < 3 ? 3 : i === all.length - 1 ? (o.kind ?? 1) : 1);
  return Uint8Array.from([
    ...all.flatMap(([piece, score], i) => bytes(1, [...text(1, piece), ...float(2, score), ...whole(3, kindOf(i))])),
    ...bytes(2, [...whole(3, 1), ...(o.trainer ?? [])]),
    ...bytes(3, [...text(1, o.normaliser ?? 'nmt_nfkc'), ...(o.rules ?? [])]),
  ]);
}
