// npm runs this after `npm ci` and `npm install` in a clone (`dependencies`), and before it packs (`prepack`): `dist` and ONNX Runtime are then there. Not as
// `prepare`, which npm counts among a tarball's install scripts.
import { existsSync } from 'node:fs';
import { build, ensureInstalled, noteInstalled } from './ensure-installed.mjs';

const hasCompiler = existsSync('node_modules/typescript');
const installing = ['ci', 'install'].includes(process.env.npm_command);
if (installing && !hasCompiler) {
  console.error('Without development dependencies nothing is compiled here.');
} else {
  if (installing) noteInstalled();
  ensureInstalled();
  build();
}
