// Time that is spent in onnxruntime: measured at the very session, or class, through which the calls go. A second copy of the runtime in the process
// (of another build, or of the package) would be timed in vain, so a total of nothing is an error and not a figure.

/** Times all calls of `target.run`: a program's session, or the prototype of the class of all sessions. `ms` is the sum so far. */
export function timeInside(target) {
  const { run } = target;
  const inside = {
    ms: 0,
    /** The sum; an error where no call came by. */
    share() {
      if (inside.ms > 0) return inside.ms;
      throw new Error('no call of onnxruntime was seen: another copy of it runs than the one that is timed');
    },
  };
  target.run = async function timed(...args) {
    const started = performance.now();
    try {
      return await run.apply(this, args);
    } finally {
      inside.ms += performance.now() - started;
    }
  };
  return inside;
}
