/** One HTML file with everything in it: tables, curves, pictures. Opens without a network. */
import { encodePng } from '../image/index.ts';
import type { RgbPicture } from '../systems/index.ts';
import { type Ladder, ladderCells } from './ladder.ts';

/** A picture of the report; `right`: it is the one that was looked for. */
export type ReportPicture = { readonly picture: RgbPicture; readonly note?: string; readonly right?: boolean };

/** What a report shows. */
export type ReportContent = {
  readonly title: string;
  /** Paragraphs of plain text. */
  readonly lead: readonly string[];
  readonly ladder: Ladder;
  /** Named curves over steps. */
  readonly curves?: readonly {
    readonly title: string;
    readonly points: readonly (readonly [step: number, value: number])[];
  }[];
  /** Rows of pictures below a sentence. */
  readonly findings?: readonly { readonly title: string; readonly pictures: readonly ReportPicture[] }[];
};

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const safe = (text: string): string => text.replace(/[&<>"]/g, (c) => escapes[c]!);

const style = `body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:68rem;padding:0 1rem;color:#1c1c22;background:#fff}
table{border-collapse:collapse;margin:1rem 0}th,td{padding:.35rem .8rem;text-align:right;border-bottom:1px solid #ddd}
th:first-child,td:first-child{text-align:left}.row{display:flex;gap:.6rem;flex-wrap:wrap;margin:.3rem 0 1.2rem}
figure{margin:0;width:104px;font-size:12px;line-height:1.25}img{width:96px;height:96px;border:4px solid transparent;border-radius:6px}
.right img{border-color:#2a9d4a}h3{margin:.8rem 0 .2rem;font-size:1rem}svg{background:#f6f6f8;border-radius:6px}
@media(prefers-color-scheme:dark){body{color:#e8e8ee;background:#16161a}th,td{border-color:#444}svg{background:#222228}}`;

/** The report as HTML. The same content gives the same bytes. */
export function reportHtml(c: ReportContent): string {
  const parts = [
    `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">`,
    `<title>${safe(c.title)}</title><style>${style}</style><h1>${safe(c.title)}</h1>`,
    ...c.lead.map((p) => `<p>${safe(p)}</p>`),
    '<h2>The ladder</h2>',
    tableHtml(ladderCells(c.ladder)),
    ...detailHtml(c.ladder),
    ...(c.curves ?? []).map(({ title, points }) => `<h3>${safe(title)}</h3>${curveSvg(points)}`),
    ...(c.findings?.length ? ['<h2>Typed sentences and the pictures found</h2>'] : []),
    ...(c.findings ?? []).map(
      ({ title, pictures }) => `<h3>${safe(title)}</h3><div class="row">${pictures.map(pictureHtml).join('')}</div>`,
    ),
  ];
  return `${parts.join('\n')}\n`;
}

function tableHtml([head = [], ...rows]: string[][]): string {
  const cells = (row: readonly string[], tag: string): string =>
    `<tr>${row.map((x) => `<${tag}>${safe(x)}</${tag}>`).join('')}</tr>`;
  return `<table>${cells(head, 'th')}${rows.map((r) => cells(r, 'td')).join('')}</table>`;
}

/** All figures of every system, folded. */
function detailHtml(ladder: Ladder): string[] {
  return ladder.rows.map((r) => {
    const rows = ladder.benchmarks.flatMap((b) =>
      Object.entries(r.results[b.id] ?? {}).map(([name, x]) => [b.title, name, String(Number(x.toPrecision(4)))]),
    );
    return `<details><summary>all figures of ${safe(r.title)}</summary>${tableHtml([['task', 'metric', 'value'], ...rows])}</details>`;
  });
}

/** A curve as SVG, its axes from the smallest to the largest value. */
function curveSvg(points: readonly (readonly [number, number])[]): string {
  const [width, height, pad] = [640, 180, 34];
  const finite = points.filter(([, y]) => Number.isFinite(y));
  if (finite.length < 2) return '<p>too few points for a curve</p>';
  const [xs, ys] = [finite.map((p) => p[0]), finite.map((p) => p[1])];
  const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const px = (x: number): string => (pad + ((x - x0) / (x1 - x0 || 1)) * (width - 2 * pad)).toFixed(1);
  const py = (y: number): string => (height - pad + ((y0 - y) / (y1 - y0 || 1)) * (height - 2 * pad)).toFixed(1);
  const label = (x: number, y: number, text: string): string =>
    `<text x="${x}" y="${y}" font-size="11" fill="currentColor">${safe(text)}</text>`;
  return `<svg width="${width}" height="${height}" role="img"><polyline fill="none" stroke="#4a7bd0" stroke-width="2" points="${finite
    .map(([x, y]) => `${px(x)},${py(y)}`)
    .join(' ')}"/>${label(4, pad, y1.toPrecision(3))}${label(4, height - pad, y0.toPrecision(3))}${label(
    width - 80,
    height - 10,
    `step ${x1}`,
  )}</svg>`;
}

function pictureHtml({ picture, note, right }: ReportPicture): string {
  const { width, height } = picture;
  const png = encodePng({ width, height, channels: 3, data: Uint8Array.from(picture.data) });
  const source = `data:image/png;base64,${Buffer.from(png).toString('base64')}`;
  const caption = note === undefined ? '' : `<figcaption>${safe(note)}</figcaption>`;
  return `<figure${right ? ' class="right"' : ''}><img src="${source}" alt="${safe(note ?? '')}">${caption}</figure>`;
}
