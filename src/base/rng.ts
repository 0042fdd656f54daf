/**
 * The only source of randomness: seeded, splittable by name, and with its state on disk, so that a resumed run repeats bit for bit.
 * Streams are independent of the order in which they are asked for: `rng.split('a/b')` depends on the seed and the path alone.
 */
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';
import { hash32 } from './hash.ts';

/** A generator's state as 32-bit words. */
export type RngState = { readonly words: readonly number[] };

type Generator = ReturnType<typeof xoroshiro128plusFromState>;

/** A seeded stream of random numbers. */
export class Rng {
  readonly #key: readonly [number, number];
  readonly #generator: Generator;
  #spare: number | undefined;

  /** `seed`: any number or string; equal seeds give equal streams on every machine. */
  constructor(seed: number | string | RngState) {
    if (typeof seed === 'object') {
      const [a = 0, b = 0, g0 = 0, g1 = 0, g2 = 0, g3 = 0, ...spare] = seed.words;
      this.#key = [a, b];
      this.#generator = xoroshiro128plusFromState([g0, g1, g2, g3]);
      if (spare.length === 2) this.#spare = new Float64Array(Int32Array.from(spare).buffer)[0];
      return;
    }
    const text = String(seed);
    const [a, b] = [hash32(text, 0x9747b28c), hash32(text, 0x85ebca6b)];
    this.#key = [a, b];
    this.#generator = xoroshiro128plusFromState([a | 0, b | 0, ~a | 0, (b ^ 0x6c078965) | 1]);
    for (let i = 0; i < 8; i++) this.#generator.next(); // spread the bits of near-by seeds
  }

  /** An independent stream for a name (a scope path, an epoch number); does not advance this one. */
  split(name: string | number): Rng {
    return new Rng(`${this.#key[0]}:${this.#key[1]}/${name}`);
  }

  /** 32 random bits as an unsigned integer. */
  uint32(): number {
    return this.#generator.next() >>> 0;
  }

  /** Uniform in [0, 1), 53 bits. */
  float(): number {
    const high = this.uint32() >>> 5;
    return (high * 67108864 + (this.uint32() >>> 6)) / 9007199254740992;
  }

  /** Uniform in [low, high). */
  uniform(low: number, high: number): number {
    return low + (high - low) * this.float();
  }

  /** Uniform integer in [0, n), without modulo bias. */
  int(n: number): number {
    const limit = Math.floor(4294967296 / n) * n;
    let u = this.uint32();
    while (u >= limit) u = this.uint32();
    return u % n;
  }

  /** Standard normal (Marsaglia's polar method). */
  normal(): number {
    if (this.#spare !== undefined) {
      const z = this.#spare;
      this.#spare = undefined;
      return z;
    }
    for (;;) {
      const u = 2 * this.float() - 1;
      const v = 2 * this.float() - 1;
      const s = u * u + v * v;
      if (s > 0 && s < 1) {
        const k = Math.sqrt((-2 * Math.log(s)) / s);
        this.#spare = v * k;
        return u * k;
      }
    }
  }

  /** One element, uniformly. */
  pick<T>(items: readonly T[]): T {
    return items[this.int(items.length)]!;
  }

  /** Shuffles in place (Fisher–Yates) and returns the same array. */
  shuffle<T extends { length: number; [i: number]: unknown }>(items: T): T {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.int(i + 1);
      const t = items[i];
      items[i] = items[j];
      items[j] = t;
    }
    return items;
  }

  /** The state, to be stored; `new Rng(state)` continues where it was taken. */
  state(): RngState {
    const spare = this.#spare === undefined ? [] : [...new Int32Array(Float64Array.of(this.#spare).buffer)];
    return { words: [...this.#key, ...this.#generator.getState(), ...spare] };
  }
}
