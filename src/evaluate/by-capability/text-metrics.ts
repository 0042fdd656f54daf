/** How near a text comes to others that say the same, and when two short answers are one. */

/** Words in lower case, without punctuation. */
export function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[a-z0-9]+(?:['-][a-z0-9]+)*/g) ?? [];
}

/** A short answer without case, punctuation and articles, so that `A cube.` is `cube`. */
export function plainAnswer(text: string): string {
  return wordsOf(text)
    .filter((w) => !['a', 'an', 'the'].includes(w))
    .join(' ');
}

function counts(words: readonly string[], n: number): Map<string, number> {
  const out = new Map<string, number>();
  for (let i = 0; i + n <= words.length; i++) {
    const gram = words.slice(i, i + n).join(' ');
    out.set(gram, (out.get(gram) ?? 0) + 1);
  }
  return out;
}

/**
 * BLEU-4 of a corpus (Papineni et al. 2002, §2.3): clipped n-gram precisions of 1 to 4 words, their geometric mean, and the brevity penalty against
 * the references nearest in length (the shorter of two equally near). Not smoothed: without a single 4-gram in common it is 0.
 * DIFFERS: words are split by `wordsOf`, not by the PTB tokenizer of coco-caption.
 */
export function bleu4(texts: readonly string[], references: readonly (readonly string[])[]): number {
  const hit = [0, 0, 0, 0];
  const all = [0, 0, 0, 0];
  let [length, nearest] = [0, 0];
  texts.forEach((text, i) => {
    const words = wordsOf(text);
    const others = references[i]!.map(wordsOf);
    length += words.length;
    const gap = (r: readonly string[]): number => Math.abs(r.length - words.length);
    nearest += [...others].sort((a, b) => gap(a) - gap(b) || a.length - b.length)[0]?.length ?? 0;
    for (let n = 1; n <= 4; n++) {
      const most = others.map((r) => counts(r, n));
      for (const [gram, count] of counts(words, n)) {
        hit[n - 1]! += Math.min(count, Math.max(0, ...most.map((m) => m.get(gram) ?? 0)));
        all[n - 1]! += count;
      }
    }
  });
  if (hit.some((h) => h === 0)) return 0;
  const precision = Math.exp(hit.reduce((sum, h, n) => sum + Math.log(h / all[n]!), 0) / 4);
  return precision * (length >= nearest ? 1 : Math.exp(1 - nearest / length));
}

/** ROUGE-L (Lin 2004, §3.1) of one text against its references: best precision and best recall of longest common subsequences, β = 1.2 as coco-caption. */
export function rougeL(text: string, references: readonly string[]): number {
  const words = wordsOf(text);
  if (words.length === 0) return 0;
  let [precision, recall] = [0, 0];
  for (const reference of references.map(wordsOf)) {
    const common = commonLength(words, reference);
    precision = Math.max(precision, common / words.length);
    recall = Math.max(recall, reference.length === 0 ? 0 : common / reference.length);
  }
  const beta2 = 1.2 ** 2;
  return precision === 0 || recall === 0 ? 0 : ((1 + beta2) * precision * recall) / (recall + beta2 * precision);
}

/** Length of the longest common subsequence. */
function commonLength(a: readonly string[], b: readonly string[]): number {
  let row = new Array<number>(b.length + 1).fill(0);
  for (const x of a) {
    const next = [0];
    b.forEach((y, j) => void next.push(x === y ? row[j]! + 1 : Math.max(row[j + 1]!, next[j]!)));
    row = next;
  }
  return row[b.length]!;
}
