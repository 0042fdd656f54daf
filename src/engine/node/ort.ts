/**
 * What `#ort` is in Node: ONNX Runtime's native build. An installed onnxruntime-node comes first (it may hold CUDA, or be the one for this platform),
 * else the build in this package's `onnxruntime/`, which needs no install script (docs/decisions/0090-native-runtime.md).
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as common from 'onnxruntime-common';

type Binding = typeof common & { listSupportedBackends(): { name: string; bundled: boolean }[] };

/** Where ONNX Runtime's native build was found. */
export type NativeRuntime = {
  /** The package that holds it; undefined where none could be loaded. */
  readonly from: 'onnxruntime-node' | 'bow2bot' | undefined;
  readonly version: string | undefined;
  readonly folder: string | undefined;
  /** Why others were passed over, one sentence each. */
  readonly passedOver: readonly string[];
};

const require = createRequire(import.meta.url);
const tested = '1.30.0';
const platform = `${process.platform}/${process.arch}`;

/** Folder of a build; undefined where there is none. */
function folderOf(from: 'onnxruntime-node' | 'bow2bot'): string | undefined {
  const own = fileURLToPath(new URL('../../../onnxruntime/package.json', import.meta.url));
  if (from === 'bow2bot') return existsSync(own) ? dirname(own) : undefined;
  try {
    return dirname(require.resolve('onnxruntime-node/package.json'));
  } catch {
    return undefined;
  }
}

/** The first build that loads. */
function find(): { readonly binding: Binding | undefined; readonly found: NativeRuntime } {
  const passedOver: string[] = [];
  for (const from of ['onnxruntime-node', 'bow2bot'] as const) {
    const folder = folderOf(from);
    if (folder === undefined) continue;
    const { version } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as { version: string };
    if (!isKnown(version)) passedOver.push(`${from} ${version} (${folder}) is not of the line ${tested}`);
    else if (!existsSync(`${folder}/bin/napi-v6/${platform}`))
      passedOver.push(`the build in ${from} ${version} is not for ${platform}`);
    else
      try {
        return { binding: require(folder) as Binding, found: { from, version, folder, passedOver } };
      } catch (e) {
        passedOver.push(`${from} ${version} (${folder}) does not load: ${e instanceof Error ? e.message : String(e)}`);
      }
  }
  return { binding: undefined, found: { from: undefined, version: undefined, folder: undefined, passedOver } };
}

/** Is it the tested version or a later one with the same interface? Kernels and rewrites are known from {@link tested} on. */
function isKnown(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [knownMajor = 0, knownMinor = 0] = tested.split('.').map(Number);
  return major === knownMajor && minor >= knownMinor;
}

const { binding, found } = find();

/** Which build of ONNX Runtime this process uses. */
export const nativeRuntime: NativeRuntime = found;

if (binding === undefined) {
  // sessions, and only they, fail: with this message
  const why = [`no ONNX Runtime for ${platform}: npm install onnxruntime-node@${tested}`, ...found.passedOver].join(
    '; ',
  );
  const init = (): Promise<void> => Promise.reject(new Error(why));
  const none = { init, createInferenceSessionHandler: () => Promise.reject(new Error(why)) };
  for (const name of ['cpu', 'webgpu', 'cuda']) common.registerBackend(name, none, 1);
}

export const { InferenceSession, Tensor, env } = binding ?? common;
/** Back ends of the build. */
export const listSupportedBackends: Binding['listSupportedBackends'] = binding?.listSupportedBackends ?? (() => []);
