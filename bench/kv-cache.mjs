// Milliseconds a token of a cached decoder: rows appended in place by the store, beside a cache that is state, rewritten at every token.
//   npm run build && node bench/kv-cache.mjs [depth] [width] [length] [rounds]
// The sides take turns, token by token; logits are compared.
import { arange, compile, ndarray, Store, where } from '../dist/engine/index.js';
import { cacheMask, embedding, kvCache, linear, transformer } from '../dist/nn/index.js';

const [depth = 6, width = 384, length = 256, rounds = 200] = process.argv.slice(2).map(Number);
const heads = 6;

/** The way before: the cache is state, and its new value is all of it. */
function rewritten({ position }) {
  const remember = (s, name, rows) => {
    const { b, h, k } = rows.axes('b h n k');
    const cache = s.state(name, [b, h, length, k], () => {});
    const now = where(arange(cache, length, 'int64').equal(position).reshape([length, 1]), rows, cache);
    s.update(cache, now);
    return now;
  };
  return (s, k, v) => [remember(s.at('cache'), 'keys', k), remember(s.at('cache'), 'values', v)];
}

const model =
  (memory, mask) =>
  (s, { token, position }) => {
    const x = embedding(s.at('tokens'), token, { size: 1000, width });
    const o = { length, position };
    const h = transformer(s.at('blocks'), x, { depth, heads, memory: memory(o), mask: mask(o) });
    return { y: linear(s.at('head'), h, 1000) };
  };
const until = ({ position }) => arange(position, length, 'int64').lessEqual(position).reshape([1, length]);
const sides = [
  compile(model(rewritten, until), { store: new Store(1) }),
  compile(
    model(kvCache, (o) => cacheMask(1, o)),
    { store: new Store(1) },
  ),
];

const times = [[], []];
let worst = 0;
for (let i = 0; i < rounds; i++) {
  const inputs = { token: ndarray('int32', [1, 1], [(i * 37) % 1000]), position: ndarray('int64', [], [i % length]) };
  const results = [];
  for (const k of i % 2 === 0 ? [0, 1] : [1, 0]) {
    const started = performance.now();
    results[k] = (await sides[k].run(inputs)).y.data;
    if (i > 5) times[k].push(performance.now() - started);
  }
  results[0].forEach((u, j) => {
    worst = Math.max(worst, Math.abs(u - results[1][j]));
  });
}
for (const c of sides) await c.close();

const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1];
const [before, now] = times.map(median);
const [least, leastNow] = times.map((t) => Math.min(...t));
console.log(`rewritten ${before.toFixed(2)} ms a token (least ${least.toFixed(2)}), appended ${now.toFixed(2)} (least ${leastNow.toFixed(2)}); ratio ${(now / before).toFixed(2)} (least ${(leastNow / least).toFixed(2)}); logits differ by ${worst.toExponential(1)}`); // biome-ignore format: one line
