/**
 * Words added to a vocabulary: found in a text before it is cut into pieces, as `AddedVocabulary` of Hugging Face's tokenizers does. Those that are
 * not normalised are looked for in the text as it is, the others, normalised themselves, in what lies between, after it was normalised.
 */

/** A word with an id of its own, as in `added_tokens` of a tokenizer.json. */
export type AddedToken = {
  readonly id: number;
  readonly content: string;
  /** Found only where no letter, digit or mark stands beside it. */
  readonly singleWord: boolean;
  /** Takes the blanks before it (`lstrip`) and after it (`rstrip`) along. */
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized: boolean;
  /** Left out by decoding. */
  readonly special: boolean;
};

/** Rust's `\w` and `\s`. */
const WORD = String.raw`[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]`;
const endsWithWord = new RegExp(`${WORD}$`, 'u');
const startsWithWord = new RegExp(`^${WORD}`, 'u');
const blanksAtEnd = /\p{White_Space}*$/u;
const blanksAtStart = /^\p{White_Space}*/u;

type Finder = (text: string) => (string | AddedToken)[];

/** Cuts a text at the tokens: of several at one place the longest; what lies between stays a string. */
function finder(tokens: readonly AddedToken[], contentOf: (token: AddedToken) => string): Finder {
  const byContent = new Map<string, AddedToken>();
  for (const token of tokens) {
    const content = contentOf(token);
    if (content !== '' && !byContent.has(content)) byContent.set(content, token);
  }
  if (byContent.size === 0) return (text) => [text];
  const longestFirst = [...byContent.keys()].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(
    longestFirst.map((content) => content.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')).join('|'),
    'gu',
  );
  return (text) => {
    const out: (string | AddedToken)[] = [];
    let done = 0;
    for (const match of text.matchAll(pattern)) {
      const token = byContent.get(match[0])!;
      let [from, to] = [match.index, match.index + match[0].length];
      const [before, after] = [text.slice(0, from), text.slice(to)];
      if (token.singleWord && (endsWithWord.test(before) || startsWithWord.test(after))) continue;
      if (token.lstrip) from = Math.max(done, from - blanksAtEnd.exec(before)![0].length);
      if (token.rstrip) to += blanksAtStart.exec(after)![0].length;
      if (done < from) out.push(text.slice(done, from));
      out.push(token);
      done = to;
    }
    if (done < text.length) out.push(text.slice(done));
    return out;
  };
}

/** A text as ids of added tokens and the normalised strings between them. */
export function addedTokenSplitter(
  tokens: readonly AddedToken[],
  normalize: (text: string) => string,
): (text: string) => (string | number)[] {
  const ordered = [...tokens.filter((t) => t.special), ...tokens.filter((t) => !t.special)];
  const raw = finder(
    ordered.filter((t) => !t.normalized),
    (t) => t.content,
  );
  const clean = finder(
    ordered.filter((t) => t.normalized),
    (t) => normalize(t.content),
  );
  const id = (part: string | AddedToken): string | number => (typeof part === 'string' ? part : part.id);
  return (text) => raw(text).flatMap((part) => (typeof part === 'string' ? clean(normalize(part)).map(id) : [part.id]));
}
