/** The plots of a report: bars of the ladder's metrics, curves. Plain HTML and SVG without scripts. */
import { type Ladder, type LadderColumn, ladderColumns } from './ladder.ts';

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Text as it may stand in HTML, also inside of attributes. */
export const safe = (text: string): string => text.replace(/[&<>"]/g, (c) => escapes[c]!);

/** The look of both, for light and dark screens. */
export const plotStyle = `.plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,26rem),1fr));gap:.4rem 2.5rem;margin:1rem 0}
.bar{display:grid;grid-template-columns:minmax(7rem,14rem) 1fr 3rem;gap:.6rem;align-items:center;font-size:13px;line-height:1.3;margin:.25rem 0}
.track{position:relative;height:14px;background:var(--soft);border-radius:3px;overflow:hidden}.track i,.track u{position:absolute;top:0;bottom:0;left:0}
.track i{background:var(--bar);opacity:.3;border-radius:3px 0 0 3px}.track i:last-of-type{opacity:1}.track u{width:2px;background:var(--chance)}
.bar output{text-align:right;font-variant-numeric:tabular-nums}
@media(max-width:36rem){.bar{grid-template-columns:1fr 3rem}.bar span{grid-column:1/-1}}
svg{background:var(--soft);border-radius:6px;max-width:100%;height:auto}`;

/** The same metric with more room: R@10 and R@5 of R@1, top5 of top1; the widest first. */
function wider(headline: string): string[] {
  if (headline.endsWith('@1')) return [headline.replace(/@1$/, '@10'), headline.replace(/@1$/, '@5')];
  return headline === 'top1' ? ['top5'] : [];
}

/**
 * Bars that compare: a plot for each column that two systems or more have the metric of, and one for each system with the columns that it alone has,
 * if there are several. Behind a bar are the wider metrics, a mark stands at chance. Empty when there is nothing to compare.
 */
export function barsHtml(ladder: Ladder): string {
  const columns = ladderColumns(ladder).map((column) => ({
    column,
    rows: ladder.rows.filter((r) => r.results[column.id]?.[column.headline] !== undefined),
  }));
  const plot = (title: string, bars: readonly string[]): string =>
    bars.length < 2 ? '' : `<div><h4>${safe(title)}</h4>${bars.join('')}</div>`;
  const across = columns.map(({ column, rows }) =>
    plot(
      column.title,
      rows.map((r) => barHtml(r.title, r.results[column.id]!, column)),
    ),
  );
  const alone = ladder.rows.map((row) =>
    plot(
      row.title,
      columns.flatMap(({ column, rows }) =>
        rows.length === 1 && rows[0] === row ? [barHtml(column.title, row.results[column.id]!, column)] : [],
      ),
    ),
  );
  const plots = [...across, ...alone].join('');
  return plots === '' ? '' : `<div class="plots">${plots}</div>`;
}

function barHtml(title: string, metrics: Readonly<Record<string, number>>, c: LadderColumn): string {
  const value = metrics[c.headline]!;
  const shown = [...wider(c.headline).flatMap((name) => metrics[name] ?? []), value];
  const percent = (x: number): string => `${(100 * Math.min(1, Math.max(0, x))).toFixed(1)}%`;
  const layers = shown.map((x) => `<i style="width:${percent(x)}"></i>`).join('');
  const chance = `<u style="left:${percent(c.chance)}"></u>`;
  return `<div class="bar"><span>${safe(title)}</span><div class="track">${layers}${chance}</div><output>${value.toFixed(3)}</output></div>`;
}

/** A named curve over steps; `label` names its values. */
export type Curve = {
  readonly title: string;
  readonly label: string;
  readonly points: readonly (readonly [step: number, value: number])[];
};

/** A curve as SVG with named axes, each from the smallest to the largest value. */
export function curveSvg({ label, points }: Curve): string {
  const [width, height, left, pad] = [640, 220, 56, 34];
  const finite = points.filter(([, y]) => Number.isFinite(y));
  if (finite.length < 2) return '<p>too few points for a curve</p>';
  const [xs, ys] = [finite.map((p) => p[0]), finite.map((p) => p[1])];
  const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const [right, bottom] = [width - 16, height - pad];
  const px = (x: number): string => (left + ((x - x0) / (x1 - x0 || 1)) * (right - left)).toFixed(1);
  const py = (y: number): string => (bottom + ((y0 - y) / (y1 - y0 || 1)) * (bottom - pad)).toFixed(1);
  const text = (x: number, y: number, anchor: 'start' | 'middle' | 'end', content: string): string =>
    `<text x="${x}" y="${y}" text-anchor="${anchor}" font-size="12" fill="currentColor">${safe(content)}</text>`;
  return [
    `<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${safe(`${label} by training step`)}">`,
    `<path d="M${left} ${pad}V${bottom}H${right}" fill="none" stroke="var(--dim)"/>`,
    `<polyline fill="none" stroke="var(--bar)" stroke-width="2" points="${finite.map(([x, y]) => `${px(x)},${py(y)}`).join(' ')}"/>`,
    text(left, pad - 14, 'start', label),
    text(left - 6, pad + 8, 'end', y1.toPrecision(3)),
    text(left - 6, bottom, 'end', y0.toPrecision(3)),
    text(left, bottom + 18, 'middle', String(x0)),
    text(right, bottom + 18, 'end', String(x1)),
    text((left + right) / 2, bottom + 18, 'middle', 'training step'),
    '</svg>',
  ].join('');
}
