/** The script of the page in which a browser runs the cases; see scripts/operators.mjs and backends.test.ts. */
import * as ort from '#ort';
import { runCases } from './backends.ts';

ort.env.wasm.wasmPaths = '/ort/';
Object.assign(globalThis, { runCases });
