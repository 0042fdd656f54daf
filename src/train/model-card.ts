/**
 * The model card of a checkpoint: `README.md` with the YAML head that the Hugging Face hub reads (licence, tags, evaluation results as
 * `model-index`; https://huggingface.co/docs/hub/model-cards) and the sections a reader looks for. Pure text; no files, no clock.
 */

/** Results of one evaluation: metric names as in the conventions (`text_to_image_R@1`, `top1`). */
export type CardResult = {
  /** Task type of the hub: `zero-shot-image-classification`, `image-to-text`. */
  readonly task: string;
  readonly dataset: string;
  readonly split?: string;
  readonly metrics: Readonly<Record<string, number>>;
};

/** What a card says. Absent parts are said to be unknown rather than left out where a reader must not guess. */
export type ModelCardContent = {
  readonly name: string;
  /** One or two sentences. */
  readonly summary?: string;
  /** SPDX identifier in lower case, as the hub writes them. */
  readonly license?: string;
  readonly language?: string;
  readonly tags?: readonly string[];
  readonly pipelineTag?: string;
  /** Repository or folder the training started from. */
  readonly baseModel?: string;
  readonly datasets?: readonly string[];
  readonly results?: readonly CardResult[];
  /** A shell command or code that uses the model. */
  readonly usage?: string;
  readonly intendedUse?: string;
  readonly limits?: string;
  readonly trainingData?: string;
  /** Metrics of the training: `{ parameters: 4194304, steps: 2000, seconds: 311, device: 'cpu' }`. */
  readonly procedure?: Readonly<Record<string, string | number>>;
  readonly recipe?: { readonly [key: string]: unknown };
  /** Title and link or reference of the paper. */
  readonly citation?: string;
};

/** The card as Markdown. The same content gives the same text. */
export function modelCard(c: ModelCardContent): string {
  const sections: [string, string | undefined][] = [
    ['Use', c.usage === undefined ? undefined : fenced(c.usage, 'sh')],
    ['Intended use', c.intendedUse ?? 'Not stated by the author.'],
    ['Limits', c.limits ?? 'Not stated by the author. Measure the model on your own data before you rely on it.'],
    ['Training data', c.trainingData ?? list(c.datasets) ?? 'Not stated by the author.'],
    ['Training procedure', procedure(c)],
    ['Evaluation', evaluation(c.results ?? []) ?? 'Not evaluated.'],
    ['Citation', c.citation],
  ];
  const body = sections.filter(([, text]) => text !== undefined).map(([title, text]) => `## ${title}\n\n${text}`);
  const head = `---\n${yaml(frontMatter(c))}\n---`;
  const intro = [`# ${c.name}`, ...(c.summary === undefined ? [] : [c.summary])];
  return `${[head, ...intro, ...body].join('\n\n')}\n`;
}

type Yaml = string | number | readonly Yaml[] | { readonly [key: string]: Yaml | undefined };

function frontMatter(c: ModelCardContent): Yaml {
  const metrics = [...new Set((c.results ?? []).flatMap((r) => Object.keys(r.metrics)))];
  return {
    license: c.license ?? 'unknown',
    library_name: 'bow2bot',
    language: c.language,
    pipeline_tag: c.pipelineTag,
    base_model: c.baseModel,
    tags: ['bow2bot', ...(c.tags ?? []).filter((t) => t !== 'bow2bot')],
    datasets: c.datasets && c.datasets.length > 0 ? c.datasets : undefined,
    metrics: metrics.length > 0 ? metrics : undefined,
    'model-index': c.results && c.results.length > 0 ? [{ name: c.name, results: c.results.map(indexed) }] : undefined,
  };
}

function indexed(r: CardResult): Yaml {
  return {
    task: { type: r.task },
    dataset: { type: r.dataset, name: r.dataset, split: r.split },
    metrics: Object.entries(r.metrics).map(([type, value]) => ({ type, value, name: type })),
  };
}

/** Block-style YAML of plain data; text is quoted (as JSON, which YAML reads) wherever it could mean something else. */
function yaml(value: Yaml, indent = ''): string {
  if (typeof value === 'string') return scalar(value);
  if (typeof value === 'number') return number(value);
  if (isList(value)) {
    return value.map((v) => `${indent}- ${yaml(v, `${indent}  `).trimStart()}`).join('\n');
  }
  const rows: string[] = [];
  for (const [key, v] of Object.entries(value)) {
    if (v === undefined) continue;
    const nested = typeof v === 'object';
    rows.push(`${indent}${scalar(key)}:${nested ? `\n${yaml(v, `${indent}  `)}` : ` ${yaml(v)}`}`);
  }
  return rows.join('\n');
}

function isList(v: Yaml): v is readonly Yaml[] {
  return Array.isArray(v);
}

function scalar(text: string): string {
  const plain = /^[A-Za-z][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*$/.test(text);
  const special = /^(true|false|yes|no|on|off|null|y|n)$/i.test(text);
  return plain && !special ? text : JSON.stringify(text);
}

function number(n: number): string {
  if (Number.isNaN(n)) return '.nan';
  if (!Number.isFinite(n)) return `${n < 0 ? '-' : ''}.inf`;
  return String(n).replace(/^(-?\d)e/, '$1.0e'); // YAML 1.1 takes 1e-7 for text
}

function evaluation(results: readonly CardResult[]): string | undefined {
  if (results.length === 0) return undefined;
  const rows = results.flatMap((r) =>
    Object.entries(r.metrics).map(([metric, value]) => [r.task, r.dataset, r.split ?? '', metric, short(value)]),
  );
  return table(['task', 'data', 'split', 'metric', 'value'], rows);
}

function procedure(c: ModelCardContent): string {
  const parts: string[] = [];
  if (c.baseModel !== undefined) parts.push(`Fine-tuned from \`${c.baseModel}\`.`);
  const rows = Object.entries(c.procedure ?? {}).map(([k, v]) => [k, typeof v === 'number' ? short(v) : v]);
  if (rows.length > 0) parts.push(table(['', ''], rows));
  if (c.recipe) parts.push('Recipe:', fenced(JSON.stringify(c.recipe, null, 2), 'json'));
  return parts.length > 0 ? parts.join('\n\n') : 'Not recorded.';
}

/** Up to five significant digits, integers in full. */
function short(n: number): string {
  return Number.isInteger(n) ? String(n) : String(Number(n.toPrecision(5)));
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function cell(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/\|/g, '\\|');
}

function list(items: readonly string[] | undefined): string | undefined {
  return items && items.length > 0 ? items.map((i) => `- ${i}`).join('\n') : undefined;
}

/** A code block whose fence is longer than any run of back quotes inside. */
function fenced(code: string, language: string): string {
  const longest = Math.max(2, ...(code.match(/`+/g) ?? []).map((run) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${code.trimEnd()}\n${fence}`;
}
