/**
 * A small file written by the reference implementation (Python `safetensors` 0.8.0, `serialize` of the tensors below with the metadata
 * `{"format": "pt"}`), and what is in it.
 */
import type { TensorData } from '../index.ts';

/** The file's bytes. */
export function referenceFile(): Uint8Array {
  return new Uint8Array(Buffer.from(base64, 'base64'));
}

export const referenceMetadata = { format: 'pt' };

const t = (dtype: string, shape: number[], data: unknown): TensorData => ({ dtype, shape, data }) as TensorData;

/** The file's tensors, in no particular order. */
export const referenceTensors: ReadonlyMap<string, TensorData> = new Map([
  ['b', t('float64', [2], Float64Array.of(1.5, -2.25))],
  ['a/weight', t('float32', [2, 3], Float32Array.of(-0.5, -0.25, 0, 0.25, 0.5, 0.75))],
  ['é.bias', t('float32', [1], Float32Array.of(3.25))],
  ['half', t('float16', [3], Uint16Array.of(0x3c00, 0xb555, 0x7bff))],
  ['brain', t('bfloat16', [3], Uint16Array.of(0x3f80, 0xc049, 0x714a))],
  ['i', t('int64', [2], BigInt64Array.of(-(2n ** 62n), 5n))],
  ['u64', t('uint64', [1], BigUint64Array.of(2n ** 63n))],
  ['j', t('int32', [1, 1], Int32Array.of(-7))],
  ['k', t('int16', [3], Int16Array.of(-8, 9, 10))],
  ['l', t('int8', [1], Int8Array.of(-1))],
  ['m', t('uint8', [2], Uint8Array.of(200, 7))],
  ['n', t('uint16', [1], Uint16Array.of(60000))],
  ['o', t('uint32', [1], Uint32Array.of(4000000000))],
  ['p', t('bool', [3], Uint8Array.of(1, 0, 1))],
  ['q', t('float8_e4m3fn', [2], Uint8Array.of(0x38, 0x7e))],
  ['r', t('float8_e5m2', [1], Uint8Array.of(0x38))],
  ['scalar', t('float32', [], Float32Array.of(2.5))],
  ['empty', t('float32', [0, 3], new Float32Array(0))],
]);

const base64: string = [
  'OAQAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJmb3JtYXQiOiJwdCJ9LCJ1NjQiOnsiZHR5cGUiOiJVNjQiLCJzaGFwZSI6WzFdLCJkYXRhX29mZn',
  'NldHMiOlswLDhdfSwiaSI6eyJkdHlwZSI6Ikk2NCIsInNoYXBlIjpbMl0sImRhdGFfb2Zmc2V0cyI6WzgsMjRdfSwiYiI6eyJkdHlwZSI6IkY2',
  'NCIsInNoYXBlIjpbMl0sImRhdGFfb2Zmc2V0cyI6WzI0LDQwXX0sImEvd2VpZ2h0Ijp7ImR0eXBlIjoiRjMyIiwic2hhcGUiOlsyLDNdLCJkYX',
  'RhX29mZnNldHMiOls0MCw2NF19LCJlbXB0eSI6eyJkdHlwZSI6IkYzMiIsInNoYXBlIjpbMCwzXSwiZGF0YV9vZmZzZXRzIjpbNjQsNjRdfSwi',
  'c2NhbGFyIjp7ImR0eXBlIjoiRjMyIiwic2hhcGUiOltdLCJkYXRhX29mZnNldHMiOls2NCw2OF19LCLDqS5iaWFzIjp7ImR0eXBlIjoiRjMyIi',
  'wic2hhcGUiOlsxXSwiZGF0YV9vZmZzZXRzIjpbNjgsNzJdfSwibyI6eyJkdHlwZSI6IlUzMiIsInNoYXBlIjpbMV0sImRhdGFfb2Zmc2V0cyI6',
  'WzcyLDc2XX0sImoiOnsiZHR5cGUiOiJJMzIiLCJzaGFwZSI6WzEsMV0sImRhdGFfb2Zmc2V0cyI6Wzc2LDgwXX0sImJyYWluIjp7ImR0eXBlIj',
  'oiQkYxNiIsInNoYXBlIjpbM10sImRhdGFfb2Zmc2V0cyI6WzgwLDg2XX0sImhhbGYiOnsiZHR5cGUiOiJGMTYiLCJzaGFwZSI6WzNdLCJkYXRh',
  'X29mZnNldHMiOls4Niw5Ml19LCJuIjp7ImR0eXBlIjoiVTE2Iiwic2hhcGUiOlsxXSwiZGF0YV9vZmZzZXRzIjpbOTIsOTRdfSwiayI6eyJkdH',
  'lwZSI6IkkxNiIsInNoYXBlIjpbM10sImRhdGFfb2Zmc2V0cyI6Wzk0LDEwMF19LCJxIjp7ImR0eXBlIjoiRjhfRTRNMyIsInNoYXBlIjpbMl0s',
  'ImRhdGFfb2Zmc2V0cyI6WzEwMCwxMDJdfSwiciI6eyJkdHlwZSI6IkY4X0U1TTIiLCJzaGFwZSI6WzFdLCJkYXRhX29mZnNldHMiOlsxMDIsMT',
  'AzXX0sImwiOnsiZHR5cGUiOiJJOCIsInNoYXBlIjpbMV0sImRhdGFfb2Zmc2V0cyI6WzEwMywxMDRdfSwibSI6eyJkdHlwZSI6IlU4Iiwic2hh',
  'cGUiOlsyXSwiZGF0YV9vZmZzZXRzIjpbMTA0LDEwNl19LCJwIjp7ImR0eXBlIjoiQk9PTCIsInNoYXBlIjpbM10sImRhdGFfb2Zmc2V0cyI6Wz',
  'EwNiwxMDldfX0gICAgICAAAAAAAAAAgAAAAAAAAADABQAAAAAAAAAAAAAAAAD4PwAAAAAAAALAAAAAvwAAgL4AAAAAAACAPgAAAD8AAEA/AAAg',
  'QAAAUEAAKGvu+f///4A/ScBKcQA8VbX/e2Dq+P8JAAoAOH44/8gHAQAB',
].join('');
