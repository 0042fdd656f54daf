/** A task made for an instruction: a scene in which it makes sense, and its goal. */
import { groundInstruction, lookFor, parseInstruction, queriesOf } from '../language/instructions.ts';
import { modelOfObject, type SceneObject, standing } from '../scene.ts';
import { robotSplit } from '../vocabulary.ts';
import { type Draw, drawFor, type LookChoice, robotLook, standAll, type Task, untilItFits } from './task.ts';
import { hammer, pour } from './tool-tasks.ts';

/** Draws a scene with what the instruction names and a few other things. An instruction that is not understood is a `data` error. */
export function taskFor(text: string, o: { seed?: number | string; distractors?: number } = {}): Task {
  const instruction = parseInstruction(text);
  const d = drawFor('T3', { seed: `${o.seed ?? 0}/${text}`, distractors: o.distractors ?? 2 });
  if (instruction.verb === 'nailed' || instruction.verb === 'poured') {
    const made = untilItFits(() => (instruction.verb === 'nailed' ? hammer(d) : pour(d)));
    return { ...made, instruction: text };
  }
  return untilItFits(() => {
    const objects = objectsFor(
      d,
      instruction.verb === 'closed',
      queriesOf(instruction).map((q) => lookFor(q, d.rng)),
    );
    const scene = { objects: d.rng.shuffle([...objects]), theme: d.theme, light: d.light };
    const goal = groundInstruction(instruction, scene);
    const tool = objects.some((x) => x.kind === 'socket') ? 'gripper' : 'suction';
    return { family: 'T3', name: 'asked', level: 'G0', instruction: text, scene, tool, goal, budget: 260 };
  });
}

function objectsFor(d: Draw, open: boolean, looks: readonly LookChoice[]): SceneObject[] {
  const fixed: SceneObject[] = [];
  const free: LookChoice[] = [];
  for (const look of looks) {
    const stood = standing(
      `o${fixed.length + 1}`,
      look,
      look.kind === 'drawer' ? { x: d.rng.pick([-0.19, 0.19]), y: 0.14 } : { x: 0.05, y: 0 },
    );
    if (!modelOfObject(stood).fixed) free.push(look);
    else fixed.push({ ...stood, joint: open ? modelOfObject(stood).moving!.range[1] : 0 });
  }
  const others: LookChoice[] = [];
  while (others.length < d.distractors) {
    const look = robotLook(d, robotSplit.shapes.train, { not: [...free, ...others] });
    // a distractor must not fit any phrase of the instruction
    if (!looks.some((l) => l.kind === look.kind)) others.push(look);
    else if (d.rng.float() < 0.2) break;
  }
  return [
    ...fixed,
    ...standAll(d, [...free, ...others], fixed, {
      area: { x0: -0.22, x1: 0.22, y0: -0.19, y1: fixed.length ? 0.02 : 0.15 },
    }),
  ];
}
