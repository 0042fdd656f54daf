/**
 * The accuracy of VQA v2 (Antol et al. 2015, §4; Goyal et al. 2017): an answer is as right as annotators agree with it, after the official normaliser. Equal to
 * the evaluation code of GT-Vision-Lab/VQA @a013f00.
 */

/** Contractions with one apostrophe: written without it they are taken for these. */
const contractions = [
  "ain't aren't can't could've couldn't didn't doesn't don't hadn't hasn't haven't he'd he's how'd how'll how's isn't it'd it'll ma'am",
  "mightn't might've mustn't must've needn't not've o'clock oughtn't shan't should've shouldn't somebody'll somebody's someone'd someone'll",
  "someone's something'd something'll that's there'd there're there's they'd they'll they're they've 'twas wasn't we've weren't what'll",
  "what're what's what've when's where'd where's where've who'd who'll who's who've why'll why're why's won't would've wouldn't y'all",
  "you'd you'll you're you've",
]
  .join(' ')
  .split(' ');

/** Those with two: either may be missing. */
const double = [
  "couldn't've hadn't've he'd've it'd've mightn't've she'd've shouldn't've somebody'd've someone'd've something'd've there'd've they'd've",
  "we'd've who'd've wouldn't've y'all'll y'all'd've you'd've",
]
  .join(' ')
  .split(' ');

const expanded = new Map<string, string>([
  ...contractions.map((word) => [word.replace("'", ''), word] as const),
  ...double.flatMap((word) =>
    [...word.matchAll(/'/g)].map(({ index }) => [word.slice(0, index) + word.slice(index + 1), word] as const),
  ),
  ["somebody'd", 'somebodyd'], // as the official table has it
  ...["ow's'at", "'ows'at", "'ow'sat"].map((word) => [word, "'ow's'at"] as const),
]);

const digits = new Map(
  'none zero one two three four five six seven eight nine ten'
    .split(' ')
    .map((word, i) => [word, String(Math.max(0, i - 1))]),
);

const marks = [
  ';',
  '/',
  '[',
  ']',
  '"',
  '{',
  '}',
  '(',
  ')',
  '=',
  '+',
  '\\',
  '_',
  '-',
  '>',
  '<',
  '@',
  '`',
  ',',
  '?',
  '!',
];

/** Marks beside a blank vanish, others become blanks; in a text with a number such as 1,000 all vanish; so do points that no digit follows (32 at most). */
function withoutMarks(text: string): string {
  const grouped = /\d,\d/.test(text);
  let out = text;
  for (const p of marks)
    out = out.replaceAll(p, grouped || text.includes(`${p} `) || text.includes(` ${p}`) ? '' : ' ');
  let points = 0;
  return out.replace(/\.(?!\d)/g, (point) => (points++ < 32 ? '' : point)); // the official call passes re.UNICODE, 32, as the count
}

/** The official normaliser of an answer: punctuation, lower case, number words, articles, contractions. */
export function normaliseAnswer(answer: string): string {
  const words = withoutMarks(answer.replaceAll('\n', ' ').replaceAll('\t', ' ').trim()).toLowerCase().split(/\s+/);
  return words
    .filter((word) => word !== '')
    .map((word) => digits.get(word) ?? word)
    .filter((word) => !['a', 'an', 'the'].includes(word))
    .map((word) => expanded.get(word) ?? word)
    .join(' ');
}

/**
 * How right an answer is, given what annotators said, in [0, 1]: the mean over the annotators of min(agreeing others / 3, 1). With one annotator: equal
 * or not. DIFFERS: both sides are normalised always; the official code does so only where annotators differ, and then "2" is wrong where all said "two".
 */
export function vqaAccuracy(answer: string, given: readonly string[]): number {
  const found = normaliseAnswer(answer);
  if (given.length === 1) return found === normaliseAnswer(given[0]!) ? 1 : 0;
  const wanted = given.map(normaliseAnswer);
  const same = wanted.filter((w) => w === found).length;
  const each = wanted.map((w) => Math.min(1, (same - (w === found ? 1 : 0)) / 3));
  return each.reduce((a, b) => a + b, 0) / each.length;
}

/**
 * Training targets of a question: every distinct answer with its score, the best first; 0.3 for each of ten annotators up to 1 (Anderson et al. 2018 and all
 * that followed), in proportion for other numbers of them.
 */
export function answerScores(given: readonly string[]): (readonly [answer: string, score: number])[] {
  const several = given.length > 1;
  const counts = new Map<string, number>();
  for (const a of given) {
    const answer = several ? normaliseAnswer(a) : a;
    if (answer !== '') counts.set(answer, (counts.get(answer) ?? 0) + 1);
  }
  return [...counts]
    .map(([answer, n]) => [answer, Math.min(1, (3 * n) / given.length)] as const)
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
}
