/** One HTML file with everything in it: tables, plots, images. Opens without a network. */

import type { RgbImage } from '../capabilities/index.ts';
import { encodePng } from '../image/index.ts';
import { type Ladder, ladderCells, ladderGroups } from './ladder.ts';
import { barsHtml, type Curve, curveSvg, plotStyle, safe } from './report-plots.ts';

/** An image of the report; `right`: it is the one that was looked for, or was named rightly. */
export type ReportImage = { readonly image: RgbImage; readonly note?: string; readonly right?: boolean };

/** A row of images below a caption. */
export type Finding = { readonly title: string; readonly images: readonly ReportImage[] };

/** What a report shows. */
export type ReportContent = {
  readonly title: string;
  /** Paragraphs of plain text. */
  readonly lead: readonly string[];
  /** How it was made: command, date, seed, steps, versions. */
  readonly made?: readonly (readonly [what: string, value: string])[];
  readonly ladder: Ladder;
  readonly curves?: readonly Curve[];
  /** Rows of images under headings. */
  readonly findings?: readonly { readonly heading: string; readonly rows: readonly Finding[] }[];
};

const style = `:root{color-scheme:light dark;--ink:#1c1c22;--paper:#fff;--soft:#f0f0f4;--line:#ddd;--dim:#60606c;--bar:#3f72c8;--chance:#c0392b;--shade:#0003}
@media(prefers-color-scheme:dark){:root{--ink:#e8e8ee;--paper:#16161a;--soft:#26262d;--line:#444;--dim:#a0a0ac;--bar:#6f9de8;--chance:#ff8a75;--shade:#fff3}}
body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1rem;color:var(--ink);background:var(--paper)}
p{max-width:46rem}h2{margin:2.2rem 0 .4rem}h3{margin:1.4rem 0 .2rem;font-size:1.1rem}h4{margin:.8rem 0 .2rem;font-size:1rem}summary{cursor:pointer}
.key{font-size:13px;color:var(--dim)}
.wide{overflow-x:auto;scrollbar-width:thin;background:linear-gradient(to left,var(--paper) 1.5rem,transparent 3rem) right/3rem 100% no-repeat local,linear-gradient(to left,var(--shade),transparent) right/1rem 100% no-repeat scroll}
table{border-collapse:collapse;margin:.4rem 0}th,td{padding:.35rem .8rem;text-align:right;border-bottom:1px solid var(--line)}
td{font-variant-numeric:tabular-nums}th:first-child,td:first-child{text-align:left;min-width:8rem}.chance td{color:var(--dim)}
.swipe{display:none}
.rows{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,34rem),1fr));gap:.4rem 2.5rem}
.row{display:grid;grid-template-columns:repeat(6,1fr);gap:.5rem;margin:.3rem 0 1rem}
figure{margin:0;font-size:12px;line-height:1.25}img{display:block;width:100%;aspect-ratio:1;object-fit:contain;box-sizing:border-box;border:4px solid transparent;border-radius:8px}
.right img{border-color:#2a9d4a}dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1.2rem;font-size:14px}dt{color:var(--dim)}dd{margin:0;overflow-wrap:anywhere}
@media(max-width:48rem){.row{grid-template-columns:repeat(3,1fr)}.swipe{display:block;margin:.4rem 0 0}th,td{padding:.3rem .5rem;font-size:14px}th:first-child,td:first-child{position:sticky;left:0;min-width:6.5rem;max-width:8.5rem;background:var(--paper);border-right:1px solid var(--line)}}
${plotStyle}`;

/** The report as HTML, images first. The same content gives the same bytes. */
export function reportHtml(c: ReportContent): string {
  const findings = c.findings ?? [];
  const curves = c.curves ?? [];
  const parts = [
    `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">`,
    `<title>${safe(c.title)}</title><style>${style}</style><h1>${safe(c.title)}</h1>`,
    ...c.lead.map((p) => `<p>${safe(p)}</p>`),
    ...findings.flatMap(findingHtml),
    ...(findings.length > 0
      ? [
          '<p class="key">A green frame: the correct match, or a correctly named image. Numbers: similarities, best first.</p>',
        ]
      : []),
    '<h2>Metrics</h2>',
    ...ladderGroups(c.ladder).flatMap(({ group, ladder }) => [
      ...(group === undefined ? [] : [`<h3>${safe(group)}</h3>`]),
      ...metricsHtml(ladder),
    ]),
    ...(curves.length > 0 ? ['<h2>Training</h2>'] : []),
    ...curves.map((curve) => `<h3>${safe(curve.title)}</h3>${curveSvg(curve)}`),
    ...detailHtml(c.ladder),
    ...(c.made?.length
      ? [
          '<h2>How this was made</h2>',
          `<dl>${c.made.map(([what, value]) => `<dt>${safe(what)}</dt><dd>${safe(value)}</dd>`).join('')}</dl>`,
        ]
      : []),
  ];
  return `${parts.join('\n')}\n`;
}

type Findings = NonNullable<ReportContent['findings']>[number];

function findingHtml({ heading, rows }: Findings): string[] {
  const row = ({ title, images }: Finding): string =>
    `<div><h4>${safe(title)}</h4><div class="row">${images.map(imageHtml).join('')}</div></div>`;
  return [`<h2>${safe(heading)}</h2>`, `<div class="rows">${rows.map(row).join('')}</div>`];
}

/** The table of one group, what is not in it, and its bars. */
function metricsHtml(ladder: Ladder): string[] {
  const measured = ladder.rows.filter((r) => ladder.benchmarks.some((b) => r.results[b.id]));
  const absent = ladder.rows.filter((r) => !measured.includes(r)).map((r) => r.title);
  const bars = barsHtml(ladder);
  return [
    tableHtml(ladderCells({ ...ladder, rows: measured })),
    ...(absent.length > 0
      ? [`<p class="key">Without the capabilities for any of these: ${safe(absent.join(', '))}.</p>`]
      : []),
    ...(bars === ''
      ? []
      : [
          bars,
          '<p class="key">Full bars: the metric of the table; pale bars: the same among the first five and ten; the mark: chance level.</p>',
        ]),
  ];
}

function tableHtml([head = [], ...rows]: string[][]): string {
  const cells = (row: readonly string[], tag: string): string =>
    `<tr${row[0] === '(chance)' ? ' class="chance"' : ''}>${row.map((x) => `<${tag}>${safe(x)}</${tag}>`).join('')}</tr>`;
  const swipe = head.length > 3 ? '<p class="key swipe">The table scrolls sideways →</p>' : '';
  return `${swipe}<div class="wide" tabindex="0"><table>${cells(head, 'th')}${rows.map((r) => cells(r, 'td')).join('')}</table></div>`;
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
