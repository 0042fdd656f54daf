/** A third encoder for CLIP's space: what stands where on a table, as numbers, with no pixel and no word. */
import { type Rng, throwIfAborted } from '../base/index.ts';
import { type F, gelu, l2Normalize, type Scope, type Tensor } from '../engine/index.ts';
import { normalizeChannels, shiftImage } from '../image/index.ts';
import { constant, linear } from '../nn/index.ts';
import { type ClipConfig, type ClipModel, clip, clipLogits, clipLoss, LARGEST_SCALE } from '../systems/index.ts';
import { type BatchSource, indexedSource, type Trainable } from '../train/index.ts';
import { colours, type Scene, type SceneObject, themes } from '../world/index.ts';
import { type LabPairs, labKinds } from './clip-world.ts';

const SLOT = 1 + labKinds.length + colours.length + 4;

/** Numbers of a state: two places for objects, the table's look, the light. */
export const STATE_SIZE: number = 2 * SLOT + themes.length + 2;

/** Writes a scene as numbers: for each object that it is there, its kind and colour as one-hot, its place in decimetres, its turn; then table and light. */
export function writeState(scene: Scene, into: Float32Array, rng?: Rng): void {
  into.fill(0);
  const { objects } = scene;
  const first = rng && objects.length > 1 && rng.float() < 0.5 ? 1 : 0; // which object comes first says nothing
  objects.forEach((_, i) => {
    writeObject(objects[(i + first) % objects.length]!, into.subarray(i * SLOT, (i + 1) * SLOT));
  });
  into[2 * SLOT + themes.indexOf(scene.theme)] = 1;
  into[2 * SLOT + themes.length] = scene.light.azimuth + 1.45; // about their means
  into[2 * SLOT + themes.length + 1] = scene.light.elevation - 1.05;
}

function writeObject(o: SceneObject, into: Float32Array): void {
  const [w, , , z] = o.pose.quat;
  into[0] = 1;
  into[1 + (labKinds as readonly string[]).indexOf(o.kind)] = 1;
  into[1 + labKinds.length + colours.indexOf(o.colour)] = 1;
  into.set([10 * o.pose.pos[0], 10 * o.pose.pos[1], 2 * w * z, w * w - z * z], SLOT - 4); // the last two: sine and cosine of the yaw
}

/** States of scenes, [scenes × STATE_SIZE]. */
export function statesOf(scenes: readonly Scene[]): Float32Array {
  const out = new Float32Array(scenes.length * STATE_SIZE);
  scenes.forEach((scene, i) => {
    writeState(scene, out.subarray(i * STATE_SIZE, (i + 1) * STATE_SIZE));
  });
  return out;
}

/** The encoder: three linear maps. States → unit vectors in the space. */
export function encodeState(s: Scope, state: F<'b i'>, embed: number): F<'b e'> {
  const at = s.at('state');
  const hidden = gelu(linear(at.at('fc1'), state, 128));
  return l2Normalize(linear(at.at('fc3'), gelu(linear(at.at('fc2'), hidden, 128)), embed));
}

/** Its own temperature, as CLIP's (§2.5). */
function stateScale(s: Scope): F<''> {
  return s
    .at('state')
    .param('logit_scale', [], constant(Math.log(1 / 0.07)))
    .exp();
}

const limits = { '**logit_scale': [0, LARGEST_SCALE] } as const;

/**
 * Aligning the encoder to a frozen tower: InfoNCE against vectors that were computed once. `targets[i]` are what the tower says of scene i, one of
 * them at random in each pass. `order` pairs scene i with the targets of another.
 */
export function alignTask(
  scenes: readonly Scene[],
  targets: readonly (readonly Float32Array[])[],
  embed: number,
  order: readonly number[] = scenes.map((_, i) => i),
): Trainable {
  return {
    id: 'clip-state',
    config: { model_type: 'clip-state' },
    limits,
    objectives: {
      align: {
        source: indexedSource({
          size: scenes.length,
          inputs: { state: { dtype: 'float32', shape: [STATE_SIZE] }, target: { dtype: 'float32', shape: [embed] } },
          load: (indices, { state, target }, { rng, signal }) => {
            throwIfAborted(signal);
            const [x, y] = [state!.data as Float32Array, target!.data as Float32Array];
            indices.forEach((index, i) => {
              writeState(scenes[index]!, x.subarray(i * STATE_SIZE, (i + 1) * STATE_SIZE), rng);
              y.set(rng.pick(targets[order[index]!]!), i * embed);
            });
          },
        }),
        trace: (s, batch) => {
          const image = encodeState(s, batch['state']!.asFloat(), embed);
          return { loss: clipLoss(clipLogits({ image, text: batch['target']!.asFloat(), scale: stateScale(s) })) };
        },
      },
    },
  };
}

/** All three towers from scratch: the mean of the losses of the three pairs of modalities. */
export function jointTask(parts: Omit<ClipModel, 'store'>, pairs: LabPairs, shift: number): Trainable {
  const { config } = parts;
  return {
    id: 'clip-state',
    config: { model_type: 'clip-state' },
    limits,
    objectives: {
      joint: {
        source: jointSource(parts, pairs, shift),
        trace: (s, batch) => ({ loss: jointLoss(s, batch, config) }),
      },
    },
  };
}

function jointLoss(s: Scope, batch: Record<string, Tensor>, config: ClipConfig): F<''> {
  const two = clip(s, { image: batch['image']!.asFloat(), tokens: batch['tokens']!.asInt() }, config);
  const state = encodeState(s, batch['state']!.asFloat(), config.embed);
  const scale = stateScale(s);
  const [a, b] = [
    clipLoss(clipLogits({ image: two.image, text: state, scale })),
    clipLoss(clipLogits({ image: state, text: two.text, scale })),
  ];
  return clipLoss(clipLogits(two))
    .add(a)
    .add(b)
    .mul(1 / 3);
}

/** Batches `image`, `tokens`, `state`; images are moved by up to `shift` pixels, as CLIP alone is trained. */
function jointSource(parts: Omit<ClipModel, 'store'>, pairs: LabPairs, shift: number): BatchSource {
  const { visual, text } = parts.config;
  const each = 3 * visual.size * visual.size;
  const moved = new Uint8Array(each);
  const rows = pairs.captions.map((list) =>
    list.map((c) => parts.parts.tokenizer.rows([c], text.context, { pad: parts.parts.pad })),
  );
  return indexedSource({
    size: pairs.count,
    inputs: {
      image: { dtype: 'float32', shape: [3, visual.size, visual.size] },
      tokens: { dtype: 'int32', shape: [text.context] },
      state: { dtype: 'float32', shape: [STATE_SIZE] },
    },
    load: (indices, { image, tokens, state }, { rng, signal }) => {
      throwIfAborted(signal);
      const step = (): number => rng.int(2 * shift + 1) - shift;
      indices.forEach((index, i) => {
        (tokens!.data as Int32Array).set(rng.pick(rows[index]!), i * text.context);
        shiftImage(pairs.pixels.subarray(index * each, (index + 1) * each), visual.size, step(), step(), moved);
        normalizeChannels(moved, image!.data as Float32Array, i * each, parts.parts.pixels);
        writeState(
          pairs.scenes[index]!,
          (state!.data as Float32Array).subarray(i * STATE_SIZE, (i + 1) * STATE_SIZE),
          rng,
        );
      });
    },
  });
}
