import fc from 'fast-check';
import { expect, describe as suite, test } from 'vitest';
import { hash32, isBowError, Rng } from '../base/index.ts';
import {
  boxesOf,
  cameras,
  captionSample,
  captionSamples,
  colours,
  createRenderer,
  isHeldOutPair,
  isIn,
  isOn,
  kinds,
  modelOf,
  patterns,
  project,
  readScene,
  referringExpressions,
  relationOf,
  type Scene,
  sampleScene,
  soloScene,
  standing,
} from './index.ts';
import * as math from './math.ts';
import { type Colour, NOUNS } from './vocabulary.ts';

const light = { azimuth: -0.91, elevation: 1.03 } as const;
const scene = (...objects: Scene['objects']): Scene => ({ objects, theme: 'oak', light });

suite('mathematics with fixed bits', () => {
  test('sin, cos and atan2 agree with the engine to a few units in the last place', () => {
    for (let i = -2003; i < 2003; i++) {
      const x = i * 0.0137;
      expect(Math.abs(math.sin(x) - Math.sin(x))).toBeLessThan(4e-15);
      expect(Math.abs(math.cos(x) - Math.cos(x))).toBeLessThan(4e-15);
      expect(Math.abs(math.atan2(x, 1.7) - Math.atan2(x, 1.7))).toBeLessThan(1e-15);
      expect(Math.abs(math.atan2(1.3, x) - Math.atan2(1.3, x))).toBeLessThan(1e-15);
    }
    expect([math.atan2(0, 0), math.atan2(-1, 0), math.atan2(0, -1)]).toEqual([0, -Math.PI / 2, Math.PI]);
  });

  test('a rotation and its inverse cancel', () => {
    fc.assert(
      fc.property(fc.double({ min: -6, max: 6, noNaN: true }), (angle) => {
        const q = math.quatAbout(math.unit([1, 2, -3]), angle);
        const back = math.rotate(math.quatConjugate(q), math.rotate(q, [0.3, -0.7, 0.11]));
        expect(math.distance(back, [0.3, -0.7, 0.11])).toBeLessThan(1e-12);
      }),
    );
  });
});

suite('images', () => {
  test('depth, masks and box of a cube agree with its geometry', () => {
    const cube = standing('c', { kind: 'cube', colour: 'red' }, { x: 0.05, y: 0.03 });
    const s = scene(cube);
    const frame = createRenderer().render(s, cameras.top, { width: 127, quality: 'fast' });
    const top: math.Vec3 = [0.05, 0.03, 0.05];
    const [column, row] = project(cameras.top, top, 127, 127)!;
    const k = Math.floor(row) * 127 + Math.floor(column);
    expect(frame.instance[k]).toBe(0);
    expect(frame.parts[frame.part[k]!]).toBe('c/body');
    expect(frame.depth[k]).toBeCloseTo(1.7 - 0.05, 3);
    const box = boxesOf(frame, s)[0]!;
    expect(box.x + box.width / 2).toBeCloseTo(column, -1);
    expect(box.width).toBeGreaterThan(7);
    const rgb = frame.rgb.slice(3 * k, 3 * k + 3);
    expect(rgb[0]).toBeGreaterThan(2 * rgb[1]!);
  });

  test('a shadow darkens the table on the side away from the light', () => {
    const s = scene(standing('c', { kind: 'cylinder', colour: 'white', size: 'large' }, { x: 0, y: 0 }));
    const low: Scene = { ...s, light: { azimuth: Math.PI, elevation: 0.6 } }; // from the left
    const frame = createRenderer().render(low, cameras.top, { width: 131, quality: 'fast' });
    const at = (x: number) => {
      const [c, r] = project(cameras.top, [x, 0, 0], 131, 131)!;
      return frame.rgb[3 * (Math.floor(r) * 131 + Math.floor(c))]!;
    };
    expect(at(0.06)).toBeLessThan(0.75 * at(-0.06));
  });

  test('every kind can be seen from the wide camera', () => {
    const renderer = createRenderer();
    for (const kind of kinds) {
      const o = standing('x', { kind, colour: 'green' }, { x: 0, y: 0, yaw: 0.3 });
      const joint = modelOf(kind, 'medium').moving?.range[1] ?? 0;
      const frame = renderer.render(scene({ ...o, joint }), cameras.wide, { width: 211, quality: 'fast' });
      const seen = new Set([...frame.part].filter((p) => p >= 0).map((p) => frame.parts[p]));
      expect(seen.size, kind).toBeGreaterThan(0);
      expect(frame.instance.filter((i) => i === 0).length, kind).toBeGreaterThan(5);
    }
  });

  test('images keep their bits', () => {
    const renderer = createRenderer();
    const frame = renderer.render(sampleScene(new Rng(5)), cameras.oblique, { width: 97, quality: 'fine' });
    const again = createRenderer().render(sampleScene(new Rng(5)), cameras.oblique, { width: 97, quality: 'fine' });
    expect(hash32(again.rgb)).toBe(hash32(frame.rgb));
    const plain = renderer.render(
      soloScene({ kind: 'cube', colour: 'red', pattern: 'plain', size: 'medium' }, 0.3),
      cameras.oblique,
      { width: 67 },
    );
    expect(new Set([hash32(plain.rgb), hash32(frame.rgb)]).size).toBe(2);
  });

  test('anti-aliasing changes edges only', () => {
    const s = soloScene({ kind: 'star', colour: 'blue', pattern: 'plain', size: 'large' }, 0.2);
    const [rough, smooth] = (['fast', 'standard'] as const).map((quality) =>
      createRenderer().render(s, cameras.oblique, { width: 89, quality }),
    );
    const changed = rough!.rgb.filter((v, i) => v !== smooth!.rgb[i]).length / rough!.rgb.length;
    expect(changed).toBeGreaterThan(0.005);
    expect(changed).toBeLessThan(0.35);
    expect(smooth!.instance).toEqual(rough!.instance);
  });
});

suite('scenes', () => {
  test('what cannot be is a typed error', () => {
    const one = (o: object) => () =>
      readScene({ objects: [{ id: 'a', kind: 'cube', colour: 'red', at: [0, 0], ...o }] });
    expect(one({})).not.toThrow();
    expect(one({ kind: 'cubr' })).toThrow(/did you mean "cube"/);
    expect(one({ colour: 'pink' })).toThrow(/unknown colour/);
    expect(one({ at: [2, 0] })).toThrow(/not on the table/);
    expect(one({ at: [0, 0], surprise: 1 })).toThrow(/not a scene/);
    expect(one({ at: ['x', 0] })).toThrow(/not a scene/);
    const two = { objects: [1, 2].map((i) => ({ id: `a${i}`, kind: 'cube', colour: 'red', at: [0, 0] })) };
    expect(() => readScene(two)).toThrow(/same place/);
    for (const value of [null, 3, [], { objects: 'x' }, { objects: [{}] }]) {
      let error: unknown;
      try {
        readScene(value);
      } catch (e) {
        error = e;
      }
      expect(isBowError(error)).toBe(true);
    }
  });

  test('random scenes are possible and respect the split', () => {
    for (let i = 0; i < 211; i++) {
      const train = sampleScene(new Rng(i), 'train');
      expect(() => readScene(JSON.parse(JSON.stringify(train)))).not.toThrow();
      expect(train.objects.some((o) => isHeldOutPair(o.colour, o.kind))).toBe(false);
      const held = sampleScene(new Rng(i), 'held-out');
      expect(held.objects.some((o) => isHeldOutPair(o.colour, o.kind))).toBe(true);
    }
    for (const kind of kinds) expect(colours.filter((c) => isHeldOutPair(c, kind)).length).toBe(1);
    for (const colour of colours) expect(kinds.filter((k) => isHeldOutPair(colour, k)).length).toBeLessThanOrEqual(3);
  });

  test('relations hold from both sides', () => {
    const bowl = standing('b', { kind: 'bowl', colour: 'blue' }, { x: 0.1, y: 0 });
    const at = (x: number, y: number, z = 0) => standing('c', { kind: 'cube', colour: 'red' }, { x, y, z });
    expect(isIn(at(0.12, 0, 0.008), bowl)).toBe(true);
    expect(isIn(at(0.18, 0, 0.008), bowl)).toBe(false);
    expect(isIn(at(0.1, 0, 0.06), bowl)).toBe(false);
    const base = standing('d', { kind: 'cube', colour: 'blue' }, { x: 0, y: 0 });
    expect(isOn(at(0.005, 0, 0.05), base)).toBe(true);
    expect(isOn(at(0.005, 0, 0.07), base)).toBe(false);
    expect(isOn(at(0.03, 0, 0.05), base)).toBe(false);
    expect(relationOf(at(-0.1, 0), base)).toBe('left of');
    expect(relationOf(at(0, 0.1), base)).toBe('behind');
    expect(relationOf(at(0.1, 0.1), base)).toBeUndefined();
  });
});

suite('language', () => {
  test('captions name every object; referring expressions name one', () => {
    for (let i = 0; i < 101; i++) {
      const s = captionSample(i, { size: 31, quality: 'fast', seed: 3 });
      expect(s.caption.length).toBeGreaterThan(5);
      expect(s.captions.length).toBeGreaterThanOrEqual(2);
      for (const o of s.scene.objects) {
        expect(s.captions[0]).toContain(o.colour);
        for (const pattern of patterns.slice(1)) {
          if (s.scene.objects.every((x) => x.pattern !== pattern)) expect(s.caption).not.toContain(pattern);
        }
      }
      for (const r of s.references) {
        const o = s.scene.objects.find((x) => x.id === r.objectId)!;
        expect(referringExpressions(o, s.scene)).toContain(r.phrase);
        for (const other of s.scene.objects) {
          if (other.id !== o.id) expect(referringExpressions(other, s.scene)).not.toContain(r.phrase);
        }
      }
    }
  });

  test('answers to questions are not constant', () => {
    const answers = new Map<string, Set<string>>();
    for (let i = 0; i < 151; i++) {
      for (const q of captionSample(i, { size: 23, quality: 'fast' }).questions) {
        answers.set(q.kind, (answers.get(q.kind) ?? new Set()).add(q.answer));
      }
    }
    for (const kind of [
      'colour',
      'shape',
      'count',
      'exists',
      'relation',
      'where',
      'pattern',
      'size',
      'contains',
      'possible',
    ]) {
      expect(answers.get(kind)?.size, kind).toBeGreaterThan(1);
    }
  });

  test('pairs that training leaves out are asked for only where they may be there, and then as often in vain', () => {
    const asked = { train: [0, 0], 'held-out': [0, 0] };
    const renderer = createRenderer();
    for (const split of ['train', 'held-out'] as const) {
      for (let i = 0; i < 150; i++) {
        for (const q of captionSample(i, { split, size: 23, quality: 'fast' }, renderer).questions) {
          const [, colour, noun] = /^is there an? (\w+) (.+)\?$/.exec(q.question) ?? [];
          const kind = kinds.find((k) => NOUNS[k].train.includes(noun ?? ''));
          if (kind && isHeldOutPair(colour as Colour, kind)) asked[split][q.answer === 'yes' ? 1 : 0]!++;
        }
      }
    }
    expect(asked.train).toEqual([0, 0]);
    expect(asked['held-out'][0]).toBeGreaterThan(25);
    expect(asked['held-out'][1]).toBeGreaterThan(25);
  });

  test('sample i does not depend on where reading starts', async () => {
    const got = [];
    for await (const s of captionSamples({ count: 3, start: 11, size: 37, seed: 'a' })) got.push(s);
    expect(got[2]).toEqual(captionSample(13, { size: 37, seed: 'a' }));
    expect(captionSample(13, { size: 37, seed: 'b' }).caption).not.toBe(got[2]!.caption);
    expect(() => captionSample(0, { split: 'nope' as never })).toThrow(/no split/);
  });
});
