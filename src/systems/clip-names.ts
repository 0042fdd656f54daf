/** Parameter names of published CLIP checkpoints: Hugging Face's `CLIPModel`, and OpenAI's and open_clip's, both ways. */
import { BowError } from '../base/index.ts';
import { type NdArray, ndarray } from '../engine/index.ts';
import type { Safetensors } from '../hub/index.ts';

/** Whose names a file has; `bow2bot`: the paths in the model. */
export type ClipNaming = 'bow2bot' | 'huggingface' | 'open-clip';

type Named = ReadonlyMap<string, NdArray<'float32'>>;

const leaves = ['weight', 'bias'] as const;

/** Pairs of our path and Hugging Face's key, and of our path and OpenAI's, that hold one tensor as it is. */
function sameTensors(visualDepth: number, textDepth: number): { path: string; hf: string; openai?: string }[] {
  const pairs: { path: string; hf: string; openai?: string }[] = [
    { path: 'logit_scale', hf: 'logit_scale', openai: 'logit_scale' },
    row('text/tokens/weight', 'text_model.embeddings.token_embedding.weight', 'token_embedding.weight'),
    row('text/positions', 'text_model.embeddings.position_embedding.weight', 'positional_embedding'),
    row('visual/patch/weight', 'vision_model.embeddings.patch_embedding.weight', 'visual.conv1.weight'),
    row('visual/class_token', 'vision_model.embeddings.class_embedding', 'visual.class_embedding'),
    row('visual/positions', 'vision_model.embeddings.position_embedding.weight', 'visual.positional_embedding'),
    { path: 'text_projection/weight', hf: 'text_projection.weight' },
    { path: 'visual_projection/weight', hf: 'visual_projection.weight' },
  ];
  for (const leaf of leaves) {
    pairs.push(
      row(`text/norm/${leaf}`, `text_model.final_layer_norm.${leaf}`, `ln_final.${leaf}`),
      row(`visual/norm_pre/${leaf}`, `vision_model.pre_layrnorm.${leaf}`, `visual.ln_pre.${leaf}`),
      row(`visual/norm/${leaf}`, `vision_model.post_layernorm.${leaf}`, `visual.ln_post.${leaf}`),
    );
  }
  for (const [tower, depth] of [['visual', visualDepth] as const, ['text', textDepth] as const])
    for (let i = 0; i < depth; i++) pairs.push(...blockTensors(tower, i));
  return pairs;
}

/** The names that Hugging Face's `CLIPModel` has for our paths; the tensors are the same. */
export function huggingFaceNames(depth: { readonly visual: number; readonly text: number }): Map<string, string> {
  return new Map(sameTensors(depth.visual, depth.text).map(({ path, hf }) => [path, hf]));
}

const row = (path: string, hf: string, openai: string): { path: string; hf: string; openai: string } => ({
  path,
  hf,
  openai,
});

function blockTensors(tower: 'visual' | 'text', i: number): { path: string; hf: string; openai?: string }[] {
  const ours = `${tower}/blocks/${i}`;
  const hf = `${tower === 'visual' ? 'vision_model' : 'text_model'}.encoder.layers.${i}`;
  const openai = openaiBlock(tower, i);
  return leaves.flatMap((leaf) => [
    row(`${ours}/ln1/${leaf}`, `${hf}.layer_norm1.${leaf}`, `${openai}.ln_1.${leaf}`),
    row(`${ours}/ln2/${leaf}`, `${hf}.layer_norm2.${leaf}`, `${openai}.ln_2.${leaf}`),
    row(`${ours}/attn/out/${leaf}`, `${hf}.self_attn.out_proj.${leaf}`, `${openai}.attn.out_proj.${leaf}`),
    row(`${ours}/mlp/fc1/${leaf}`, `${hf}.mlp.fc1.${leaf}`, `${openai}.mlp.c_fc.${leaf}`),
    row(`${ours}/mlp/fc2/${leaf}`, `${hf}.mlp.fc2.${leaf}`, `${openai}.mlp.c_proj.${leaf}`),
    ...(['q', 'k', 'v'] as const).map((x) => ({
      path: `${ours}/attn/${x}/${leaf}`,
      hf: `${hf}.self_attn.${x}_proj.${leaf}`,
    })),
  ]);
}

const openaiBlock = (tower: 'visual' | 'text', i: number): string =>
  `${tower === 'visual' ? 'visual.' : ''}transformer.resblocks.${i}`;

/** Which naming a list of keys has. Error `checkpoint` for none of them. */
export function clipNaming(keys: Iterable<string>): ClipNaming {
  const known = new Set(keys);
  if (known.has('visual/patch/weight')) return 'bow2bot';
  if (known.has('vision_model.embeddings.patch_embedding.weight')) return 'huggingface';
  if (known.has('visual.conv1.weight')) return 'open-clip';
  throw new BowError('checkpoint', 'not a CLIP with a vision transformer: no patch embedding found', {
    detail: { keys: [...known].slice(0, 8) },
    hint: 'Hugging Face (vision_model.…) and open_clip (visual.conv1.weight) names are read; ResNet variants are not',
  });
}

/** What published files hold beside the weights: indices of positions (old Hugging Face files), sizes (OpenAI's archives). */
const beside = /(^|\.)(position_ids|input_resolution|context_length|vocab_size)$/;

/** Throws `checkpoint` when a file lacks tensors of a model or has others than its: then it is of another model than the config says. */
export function checkKeys(file: Safetensors, keys: Iterable<string>): void {
  const wanted = new Set(keys);
  const there = new Set(file.names);
  const missing = [...wanted].filter((key) => !there.has(key));
  const unexpected = [...there].filter((key) => !wanted.has(key) && !beside.test(key));
  if (missing.length === 0 && unexpected.length === 0) return;
  const counts = [
    ...(missing.length > 0 ? [`lack ${missing.length} tensors of the model`] : []),
    ...(unexpected.length > 0 ? [`have ${unexpected.length} that are not its`] : []),
  ];
  throw new BowError('checkpoint', `the weights do not fit the config: they ${counts.join(' and ')}`, {
    place: file.place,
    detail: {
      ...(missing.length > 0 ? { missing: missing.slice(0, 8) } : {}),
      ...(unexpected.length > 0 ? { unexpected: unexpected.slice(0, 8) } : {}),
    },
  });
}

/** All keys of a checkpoint. */
function keysOf(naming: ClipNaming, depth: { readonly visual: number; readonly text: number }): string[] {
  const same = sameTensors(depth.visual, depth.text);
  if (naming !== 'open-clip') return same.map(({ path, hf }) => (naming === 'bow2bot' ? path : hf));
  const fused = (['visual', 'text'] as const).flatMap((tower) =>
    Array.from({ length: depth[tower] }, (_, i) =>
      leaves.map((leaf) => `${openaiBlock(tower, i)}.attn.in_proj_${leaf}`),
    ),
  );
  return [...same.flatMap(({ openai }) => openai ?? []), ...fused.flat(), 'text_projection', 'visual.proj'];
}

/**
 * Reads a checkpoint's tensors under our paths. Error `checkpoint` that names the tensors that are missing and those that no part of the model
 * has, but for what is known to lie beside the weights (`position_ids`, …).
 */
export async function readClipTensors(
  file: Safetensors,
  depth: { readonly visual: number; readonly text: number },
): Promise<Map<string, NdArray<'float32'>>> {
  const read = async (key: string): Promise<NdArray<'float32'>> => {
    const { shape, data } = await file.readFloat32(key);
    return ndarray('float32', shape, data);
  };
  const naming = clipNaming(file.names);
  checkKeys(file, keysOf(naming, depth));
  const out = new Map<string, NdArray<'float32'>>();
  for (const { path, hf, openai } of sameTensors(depth.visual, depth.text)) {
    const key = naming === 'bow2bot' ? path : naming === 'huggingface' ? hf : openai;
    if (key !== undefined) out.set(path, await read(key));
  }
  if (naming !== 'open-clip') return out;
  out.set('text_projection/weight', transpose(await read('text_projection')));
  out.set('visual_projection/weight', transpose(await read('visual.proj')));
  for (const tower of ['visual', 'text'] as const)
    for (let i = 0; i < depth[tower]; i++) {
      for (const leaf of leaves) {
        const parts = thirds(await read(`${openaiBlock(tower, i)}.attn.in_proj_${leaf}`));
        ['q', 'k', 'v'].forEach((x, j) => out.set(`${tower}/blocks/${i}/attn/${x}/${leaf}`, parts[j]!));
      }
    }
  return out;
}

/** Tensors under our paths as a published checkpoint names and lays them out. */
export function writeClipTensors(
  tensors: Named,
  naming: ClipNaming,
  depth: { readonly visual: number; readonly text: number },
): Map<string, NdArray<'float32'>> {
  const get = (path: string): NdArray<'float32'> => {
    const t = tensors.get(path);
    if (!t) throw new BowError('checkpoint', 'a parameter is missing', { place: path });
    return t;
  };
  const out = new Map<string, NdArray<'float32'>>();
  for (const { path, hf, openai } of sameTensors(depth.visual, depth.text)) {
    const key = naming === 'bow2bot' ? path : naming === 'huggingface' ? hf : openai;
    if (key !== undefined) out.set(key, get(path));
  }
  if (naming !== 'open-clip') return out;
  out.set('text_projection', transpose(get('text_projection/weight')));
  out.set('visual.proj', transpose(get('visual_projection/weight')));
  for (const tower of ['visual', 'text'] as const)
    for (let i = 0; i < depth[tower]; i++) {
      for (const leaf of leaves) {
        const parts = ['q', 'k', 'v'].map((x) => get(`${tower}/blocks/${i}/attn/${x}/${leaf}`));
        out.set(`${openaiBlock(tower, i)}.attn.in_proj_${leaf}`, joined(parts));
      }
    }
  return out;
}

function transpose(a: NdArray<'float32'>): NdArray<'float32'> {
  const [rows = 0, columns = 0] = a.shape;
  const data = new Float32Array(a.data.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) data[j * rows + i] = a.data[i * columns + j]!;
  return ndarray('float32', [columns, rows], data);
}

/** A tensor cut into three along its first axis: OpenAI keeps q, k and v in one, in this order. */
function thirds(a: NdArray<'float32'>): NdArray<'float32'>[] {
  const [rows = 0, ...rest] = a.shape;
  const size = a.data.length / 3;
  return [0, 1, 2].map((i) => ndarray('float32', [rows / 3, ...rest], a.data.slice(i * size, (i + 1) * size)));
}

function joined(parts: readonly NdArray<'float32'>[]): NdArray<'float32'> {
  const [rows = 0, ...rest] = parts[0]!.shape;
  const size = parts[0]!.data.length;
  const data = new Float32Array(3 * size);
  parts.forEach((p, i) => data.set(p.data, i * size));
  return ndarray('float32', [3 * rows, ...rest], data);
}
