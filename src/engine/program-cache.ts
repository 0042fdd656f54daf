/** Programs of one function by the shapes of their inputs: a bounded cache, the longest unused going first. */
import { BowError } from '../base/index.ts';
import type { DType } from './dtype.ts';
import type { Program } from './program.ts';

type Specs = Readonly<Record<string, { readonly dtype: DType; readonly shape: readonly number[] }>>;

type Entry = { readonly program: Promise<Program>; ready: Program | undefined; users: number };

/** Makes programs when they are asked for and closes those beyond `capacity`; what is being used is never closed. */
export class ProgramCache {
  readonly #entries = new Map<string, Entry>(); // oldest use first
  readonly #closing = new Set<Promise<unknown>>();
  readonly #capacity: number;
  readonly #make: (inputs: Specs) => Promise<Program>;

  constructor(capacity: number, make: (inputs: Specs) => Promise<Program>) {
    if (!(Number.isInteger(capacity) && capacity > 0))
      throw new BowError('usage', `maxPrograms is 1, 2, 3, …, not ${capacity}`);
    this.#capacity = capacity;
    this.#make = make;
  }

  /** Programs that are open or being made. */
  get size(): number {
    return this.#entries.size;
  }

  /** Calls `job` with the program for the given shapes, whatever the order of the names; at once when it is ready. */
  async use<T>(inputs: Specs, job: (p: Program) => T | Promise<T>): Promise<T> {
    const key = keyOf(inputs);
    const entry = this.#entries.get(key) ?? this.#open(key, inputs);
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    entry.users++;
    this.#trim();
    try {
      return await job(entry.ready ?? (await entry.program));
    } finally {
      entry.users--;
      this.#trim();
    }
  }

  #open(key: string, inputs: Specs): Entry {
    const program = Promise.resolve().then(() => this.#make(inputs));
    const entry: Entry = { program, ready: undefined, users: 0 };
    this.#entries.set(key, entry);
    program.then(
      (p) => {
        entry.ready = p;
      },
      () => this.#entries.get(key) === entry && this.#entries.delete(key),
    );
    return entry;
  }

  #trim(): void {
    for (const [key, entry] of this.#entries) {
      if (this.#entries.size <= this.#capacity) return;
      if (entry.users > 0) continue;
      this.#entries.delete(key);
      this.#release(entry);
    }
  }

  #release({ program }: Entry): void {
    const done = program.then(
      (p) => p.close(),
      () => {},
    );
    this.#closing.add(done);
    void done.finally(() => this.#closing.delete(done));
  }

  /** Closes all programs when their runs have ended. */
  async close(): Promise<void> {
    for (const entry of this.#entries.values()) this.#release(entry);
    this.#entries.clear();
    await Promise.all(this.#closing);
  }
}

function keyOf(inputs: Specs): string {
  return Object.entries(inputs)
    .map(([name, { dtype, shape }]) => `${JSON.stringify(name)}:${dtype}[${shape.join()}]`)
    .sort()
    .join();
}
