// ONNX Runtime's native build, in `onnxruntime/`: the files of onnxruntime-node for this platform, and for Linux x64, which the package carries. They
// come out of npm's archive, so its installer, which asks a download server for CUDA libraries, never runs (docs/decisions/0090-native-runtime.md). Run as a program it fetches them.
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { createGunzip } from 'node:zlib';
import { npm } from './npm.mjs';

/** The version that is tested; package.json's onnxruntime-common, onnxruntime-web and peers follow it. */
const version = '1.30.0';
const sha512 = 'twhs1C2C/BFkz1yc5OY0KIU2GUq6DURO7hD4bx5Q2Qy3nAMJwRXW8xU3NVczE29VA9lolLOYepoD8fjTGOfIqw==';
const platforms = [...new Set(['linux/x64', `${process.platform}/${process.arch}`])];

/** Does `onnxruntime/` hold this version for these platforms? */
export function hasRuntime() {
  if (!existsSync('onnxruntime/package.json')) return false;
  const found = JSON.parse(readFileSync('onnxruntime/package.json', 'utf8'));
  return found.version === version && platforms.every((p) => found.platforms.includes(p));
}

async function fetchRuntime() {
  console.error(`Fetching ONNX Runtime ${version} (once) ...`);
  const temp = mkdtempSync(join(tmpdir(), 'bow2bot-runtime-'));
  try {
    const r = npm(['pack', `onnxruntime-node@${version}`, '--pack-destination', temp]);
    if (r.status !== 0) process.exit(r.status ?? 1);
    const archive = join(temp, `onnxruntime-node-${version}.tgz`);
    await check(archive);
    await extract(archive);
  } finally {
    rmSync(temp, { recursive: true, force: true });
  }
}

/** Ends with an error when the archive is not the one that is known. */
async function check(archive) {
  const hash = createHash('sha512');
  await pipeline(createReadStream(archive), hash);
  if (hash.digest('base64') === sha512) return;
  console.error(
    `onnxruntime-node ${version} from this registry is not the archive that bow2bot knows (SHA-512 differs)`,
  );
  process.exit(1);
}

async function extract(archive) {
  const { unpackTar } = await import('modern-tar/fs'); // installed by now
  const wanted = [/^dist\/\w+\.js$/, ...platforms.map((p) => new RegExp(`^bin/napi-v6/${p}/`))];
  const filter = ({ name }) => wanted.some((w) => w.test(name.replace(/^package\//, '')));
  const fresh = `onnxruntime/.${process.pid}`; // complete, or not there
  await pipeline(createReadStream(archive), createGunzip(), unpackTar(fresh, { strip: 1, filter }));
  for (const folder of ['bin', 'dist']) {
    rmSync(`onnxruntime/${folder}`, { recursive: true, force: true });
    renameSync(join(fresh, folder), `onnxruntime/${folder}`);
  }
  rmSync(fresh, { recursive: true });
  const manifest = { name: 'onnxruntime-node', version, license: 'MIT', main: 'dist/index.js', platforms };
  writeFileSync('onnxruntime/package.json', `${JSON.stringify(manifest, null, 2)}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await fetchRuntime();
