/** The order in which programs over one store run. */

const nothing = (): void => {};

/**
 * First come, first served: runs that only read a store may overlap, a run that writes has the store for itself. So no program reads arrays
 * that another is writing, and two programs that both update state do so one after the other. A run that fails lets the next one start.
 */
export class RunOrder {
  #written: Promise<void> = Promise.resolve();
  readonly #reads = new Set<Promise<void>>();
  #turn: Promise<void> | undefined;

  /**
   * A turn for a call that cannot take its place yet, since its program has still to be made: `before` ends when all calls with earlier turns have
   * taken theirs (undefined where none is waiting), `end` says that this one has, or never will.
   */
  turn(): { readonly before: Promise<void> | undefined; end(): void } {
    const before = this.#turn;
    let end = nothing;
    const ended = new Promise<void>((resolve) => {
      end = () => {
        if (this.#turn === ended) this.#turn = undefined;
        resolve();
      };
    });
    this.#turn = ended;
    return { before, end };
  }

  /** Starts a job when all writes asked for before have ended. */
  read<T>(job: () => Promise<T>): Promise<T> {
    const done = this.#written.then(job);
    const settled = done.then(nothing, nothing);
    this.#reads.add(settled);
    void settled.then(() => this.#reads.delete(settled));
    return done;
  }

  /** Starts a job when everything asked for before has ended. */
  write<T>(job: () => Promise<T>): Promise<T> {
    const done = Promise.all([this.#written, ...this.#reads]).then(job);
    this.#reads.clear();
    this.#written = done.then(nothing, nothing);
    return done;
  }
}
