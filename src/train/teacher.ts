/** Moving a declared teacher towards its student, once an optimiser step, as a graph of its own. */
import { BowError } from '../base/index.ts';
import { type CompileOptions, compile, type F, pickCompileOptions, type Scope, type Store } from '../engine/index.ts';
import { zeros } from '../nn/index.ts';
import { scalarInputs } from './scalars.ts';
import { type Census, own } from './step-context.ts';
import type { Teacher } from './trainable.ts';

const [decayInput, shareInput] = [`${own}decay`, `${own}share`];

/** Moves the teacher of a run. */
export type TeacherMover = {
  /** teacher ← decay · teacher + (1 − decay) · student for parameters; buffers (running statistics) are copied. */
  move(step: number): Promise<void>;
  /** Takes the last move back. */
  revert(): Promise<void>;
  close(): Promise<void>;
};

/** `o.steps`: the length of the run. Error `config` for a part of the teacher that the student does not have. */
export function createTeacherMover(
  teacher: Teacher,
  census: Census,
  o: CompileOptions & { readonly store: Store; readonly steps: number },
): TeacherMover {
  const pairs = pairsOf(census);
  const scalars = scalarInputs(o.dtype ?? 'float32');
  const program = compile((s, inputs) => {
    const [decay, share] = [inputs[decayInput]!.asFloat(), inputs[shareInput]!.asFloat()];
    for (const pair of pairs) moveOne(s, pair, decay, share);
    return {};
  }, pickCompileOptions(o));
  const inputsAt = (step: number): ReturnType<typeof scalars> => {
    const { decay } = teacher;
    const d = typeof decay === 'number' ? decay : decay({ step, progress: step / o.steps });
    if (!(d >= 0 && d <= 1))
      throw new BowError('config', `a decay is between 0 and 1, not ${d}`, { place: 'teacher.decay' });
    return scalars({ [decayInput]: d, [shareInput]: 1 - d });
  };
  let last: ReturnType<typeof inputsAt> | undefined;
  return {
    move: async (step) => {
      last = inputsAt(step);
      if (pairs.length > 0) await program.run(last);
    },
    revert: async () => {
      if (last && pairs.length > 0) (await program.program(last)).revert();
      last = undefined;
    },
    close: program.close,
  };
}

type Pair = {
  readonly path: string;
  readonly like: string;
  readonly shape: readonly number[];
  readonly copied: boolean;
};

/** The teacher's tensors that move: what the student keeps frozen stays in the teacher too. */
function pairsOf(census: Census): Pair[] {
  return [...census.teacher].flatMap(([path, like]) => {
    const student = census.specs.get(like);
    if (!student)
      throw new BowError('config', `the teacher has "${path}", but no objective uses the student's "${like}"`, {
        place: 'teacher',
      });
    return student.fixed ? [] : [{ path, like, shape: student.shape, copied: student.kind !== 'param' }];
  });
}

function moveOne(s: Scope, { path, like, shape, copied }: Pair, decay: F<''>, share: F<''>): void {
  const t = s.state(path, shape, zeros);
  const student = copied ? s.buffer(like, shape, zeros) : s.param(like, shape, zeros);
  s.update(t, copied ? student.mul(1) : t.mul(decay).add(student.mul(share)));
}
