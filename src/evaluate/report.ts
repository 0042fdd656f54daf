/** One HTML file with everything in it: tables, plots, images. Opens without a network. */

import type { RgbImage } from '../capabilities/index.ts';
import { encodePng } from '../image/index.ts';
import { type Ladder, ladderCells, ladderGroups } from './ladder.ts';
import { barsHtml, curveSvg, plotStyle, safe } from './report-plots.ts';

/** An image of the report; `right`: it is the one that was looked for, or was named rightly. */
export type ReportImage = { readonly image: RgbImage; readonly note?: string; readonly right?: boolean };

/** A row of images below a caption. */
export type Finding = { readonly title: string; readonly images: readonly ReportImage[] };

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
  /** Rows of images under headings. */
  readonly findings?: readonly { readonly heading: string; readonly rows: readonly Finding[] }[];
};

const style = `:root{color-scheme:light dark;--ink:#1c1c22;--paper:#fff;--soft:#f0f0f4;--line:#ddd;--dim:#60606c;--bar:#3f72c8;--chance:#c0392b}
@media(prefers-color-scheme:dark){:root{--ink:#e8e8ee;--paper:#16161a;--soft:#26262d;--line:#444;--dim:#a0a0ac;--bar:#6f9de8;--chance:#ff8a75}}
body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:var(--ink);background:var(--paper)}
.wide{overflow-x:auto}table{border-collapse:collapse;margin:1rem 0}th,td{padding:.35rem .8rem;text-align:right;border-bottom:1px solid var(--line)}
td{font-variant-numeric:tabular-nums}th:first-child,td:first-child{text-align:left;min-width:8rem}
@media(max-width:36rem){th,td{padding:.3rem .4rem;font-size:14px}}
.row{display:flex;gap:.6rem;flex-wrap:wrap;margin:.3rem 0 1.2rem}
figure{margin:0;width:104px;font-size:12px;line-height:1.25}img{width:96px;height:96px;border:4px solid transparent;border-radius:6px}
.right img{border-color:#2a9d4a}h3{margin:1.2rem 0 .2rem;font-size:1.1rem}h4{margin:.8rem 0 .2rem;font-size:1rem}summary{cursor:pointer}
${plotStyle}`;

/** The report as HTML. The same content gives the same bytes. */
export function reportHtml(c: ReportContent): string {
  const parts = [
    `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">`,
    `<title>${safe(c.title)}</title><style>${style}</style><h1>${safe(c.title)}</h1>`,
    ...c.lead.map((p) => `<p>${safe(p)}</p>`),
    '<h2>Metrics</h2>',
    ...ladderGroups(c.ladder).flatMap(({ group, ladder }) => [
      ...(group === undefined ? [] : [`<h3>${safe(group)}</h3>`]),
      tableHtml(ladderCells(ladder)),
      barsHtml(ladder),
    ]),
    '<p class="key">Full bars: the metric of the table; pale bars: the same among the first five and ten; the mark: chance level.</p>',
    ...detailHtml(c.ladder),
    ...(c.curves ?? []).map(({ title, points }) => `<h3>${safe(title)}</h3>${curveSvg(points)}`),
    ...(c.findings?.length
      ? [
          '<p class="key">A green frame: the correct match, or a correctly named image. Numbers: similarities, best first.</p>',
        ]
      : []),
    ...(c.findings ?? []).flatMap(({ heading, rows }) => [
      `<h2>${safe(heading)}</h2>`,
      ...rows.map(
        ({ title, images }) => `<h4>${safe(title)}</h4><div class="row">${images.map(imageHtml).join('')}</div>`,
      ),
    ]),
  ];
  return `${parts.join('\n')}\n`;
}

function tableHtml([head = [], ...rows]: string[][]): string {
  const cells = (row: readonly string[], tag: string): string =>
    `<tr>${row.map((x) => `<${tag}>${safe(x)}</${tag}>`).join('')}</tr>`;
  return `<div class="wide"><table>${cells(head, 'th')}${rows.map((r) => cells(r, 'td')).join('')}</table></div>`;
}

/** All metrics of every system, folded. */
function detailHtml(ladder: Ladder): string[] {
  return ladder.rows.flatMap((r) => {
    const rows = ladder.benchmarks.flatMap((b) =>
      Object.entries(r.results[b.id] ?? {}).map(([name, x]) => [
        b.group === undefined ? b.title : `${b.group}: ${b.title}`,
        name,
        String(Number(x.toPrecision(4))),
      ]),
    );
    if (rows.length === 0) return [];
    return `<details><summary>all metrics of ${safe(r.title)}</summary>${tableHtml([['benchmark', 'metric', 'value'], ...rows])}</details>`;
  });
}

function imageHtml({ image, note, right }: ReportImage): string {
  const { width, height } = image;
  const png = encodePng({ width, height, channels: 3, data: Uint8Array.from(image.data) });
  const source = `data:image/png;base64,${btoa(Array.from(png, (byte) => String.fromCharCode(byte)).join(''))}`;
  const caption = note === undefined ? '' : `<figcaption>${safe(note)}</figcaption>`;
  return `<figure${right ? ' class="right"' : ''}><img src="${source}" alt="${safe(note ?? '')}">${caption}</figure>`;
}
