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
.bar output{text-align:right;font-variant-numeric:tabular-nums}.key{font-size:13px;color:var(--dim)}
@media(max-width:36rem){.bar{grid-template-columns:1fr 3rem}.bar span{grid-column:1/-1}}
svg{background:var(--soft);border-radius:6px;max-width:100%;height:auto}`;

/** The same metric with more room: R@10 and R@5 of R@1, top5 of top1; the widest first. */
function wider(headline: string): string[] {
  if (headline.endsWith('@1')) return [headline.replace(/@1$/, '@10'), headline.replace(/@1$/, '@5')];
  return headline === 'top1' ? ['top5'] : [];
}

/** A small plot for each column of a table: one bar per system that has the metric, with the wider metrics behind it and a mark at chance. */
export function barsHtml(ladder: Ladder): string {
  const plots = ladderColumns(ladder).map((column) => {
    const bars = ladder.rows.flatMap((row) => barHtml(row.title, row.results[column.id], column));
    return bars.length === 0 ? '' : `<div><h4>${safe(column.title)}</h4>${bars.join('')}</div>`;
  });
  return `<div class="plots">${plots.join('')}</div>`;
}

function barHtml(title: string, metrics: Readonly<Record<string, number>> | undefined, c: LadderColumn): string[] {
  const value = metrics?.[c.headline];
  if (metrics === undefined || value === undefined) return [];
  const shown = [...wider(c.headline).flatMap((name) => metrics[name] ?? []), value];
  const percent = (x: number): string => `${(100 * Math.min(1, Math.max(0, x))).toFixed(1)}%`;
  const layers = shown.map((x) => `<i style="width:${percent(x)}"></i>`).join('');
  const chance = `<u style="left:${percent(c.chance)}"></u>`;
  return [
    `<div class="bar"><span>${safe(title)}</span><div class="track">${layers}${chance}</div><output>${value.toFixed(3)}</output></div>`,
  ];
}

/** A curve as SVG, its axes from the smallest to the largest value. */
export function curveSvg(points: readonly (readonly [number, number])[]): string {
  const [width, height, pad] = [640, 180, 34];
  const finite = points.filter(([, y]) => Number.isFinite(y));
  if (finite.length < 2) return '<p>too few points for a curve</p>';
  const [xs, ys] = [finite.map((p) => p[0]), finite.map((p) => p[1])];
  const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const px = (x: number): string => (pad + ((x - x0) / (x1 - x0 || 1)) * (width - 2 * pad)).toFixed(1);
  const py = (y: number): string => (height - pad + ((y0 - y) / (y1 - y0 || 1)) * (height - 2 * pad)).toFixed(1);
  const label = (x: number, y: number, text: string): string =>
    `<text x="${x}" y="${y}" font-size="11" fill="currentColor">${safe(text)}</text>`;
  return `<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img"><polyline fill="none" stroke="var(--bar)" stroke-width="2" points="${finite
    .map(([x, y]) => `${px(x)},${py(y)}`)
    .join(' ')}"/>${label(4, pad, y1.toPrecision(3))}${label(4, height - pad, y0.toPrecision(3))}${label(
    width - 80,
    height - 10,
    `step ${x1}`,
  )}</svg>`;
}
