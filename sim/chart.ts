/** Inline SVG charts: no library, no script, readable in dark and light. */

const WIDTH = 640;
const HEIGHT = 220;
const MARGIN = { left: 56, right: 16, top: 12, bottom: 34 };
const PLOT = {
  width: WIDTH - MARGIN.left - MARGIN.right,
  height: HEIGHT - MARGIN.top - MARGIN.bottom,
};

export interface Axis {
  readonly label: string;
  readonly min?: number;
  readonly max?: number;
}

export interface Series {
  readonly name: string;
  readonly values: readonly number[];
}

/** A line per series; `xs` are common to all. */
export function lineChart(
  x: Axis & { readonly values: readonly number[] },
  y: Axis,
  lines: readonly Series[],
): string {
  const xRange = rangeOf(x, x.values);
  const yRange = rangeOf(
    y,
    lines.flatMap(({ values }) => values),
  );
  const paths = lines.map(({ values }, i) => {
    const points = values.map((value, at) => `${px(xRange, x.values[at] ?? 0)},${py(yRange, value)}`);
    return `<polyline class="s${i % 4}" points="${points.join(' ')}"/>`;
  });
  return frame(x, xRange, y, yRange, paths.join(''), lines.length > 1 ? legend(lines) : '');
}

/** A bar for each value, at 0, 1, 2, … */
export function barChart(x: Axis, y: Axis, bars: readonly number[], firstBar = 0): string {
  const xRange = { min: firstBar - 0.5, max: firstBar + bars.length - 0.5 };
  const yRange = rangeOf({ ...y, min: 0 }, bars);
  const width = Math.max(1, (PLOT.width / Math.max(1, bars.length)) * 0.8);
  const rects = bars.map((value, i) => {
    const top = py(yRange, value);
    const left = px(xRange, firstBar + i) - width / 2;
    return `<rect class="b" x="${left.toFixed(1)}" y="${top}" width="${width.toFixed(1)}" height="${(py(yRange, 0) - top).toFixed(1)}"/>`;
  });
  return frame(x, xRange, y, yRange, rects.join(''), '');
}

interface Range {
  readonly min: number;
  readonly max: number;
}

function rangeOf({ min, max }: Axis, values: readonly number[]): Range {
  const low = min ?? values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = max ?? values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (!Number.isFinite(low) || !Number.isFinite(high)) return { min: 0, max: 1 };
  return high > low ? { min: low, max: high } : { min: low, max: low + 1 };
}

function px({ min, max }: Range, value: number): number {
  return Number((MARGIN.left + ((value - min) / (max - min)) * PLOT.width).toFixed(1));
}

function py({ min, max }: Range, value: number): number {
  const part = Math.min(1, Math.max(0, (value - min) / (max - min)));
  return Number((MARGIN.top + (1 - part) * PLOT.height).toFixed(1));
}

function frame(x: Axis, xRange: Range, y: Axis, yRange: Range, marks: string, key: string): string {
  const bottom = MARGIN.top + PLOT.height;
  const right = MARGIN.left + PLOT.width;
  const yTicks = ticks(yRange).map(
    (value) =>
      `<line class="g" x1="${MARGIN.left}" x2="${right}" y1="${py(yRange, value)}" y2="${py(yRange, value)}"/>` +
      `<text x="${MARGIN.left - 6}" y="${py(yRange, value) + 4}" text-anchor="end">${short(value)}</text>`,
  );
  const xTicks = ticks(xRange).map(
    (value) =>
      `<text x="${px(xRange, value)}" y="${bottom + 15}" text-anchor="middle">${short(value)}</text>`,
  );
  return (
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${y.label} by ${x.label}">` +
    `${yTicks.join('')}${xTicks.join('')}` +
    `<line class="a" x1="${MARGIN.left}" x2="${right}" y1="${bottom}" y2="${bottom}"/>${marks}` +
    `<text x="${MARGIN.left + PLOT.width / 2}" y="${HEIGHT - 4}" text-anchor="middle">${x.label}</text>` +
    `<text x="12" y="${MARGIN.top + PLOT.height / 2}" text-anchor="middle" transform="rotate(-90 12 ${MARGIN.top + PLOT.height / 2})">${y.label}</text>` +
    `${key}</svg>`
  );
}

function legend(lines: readonly Series[]): string {
  return lines
    .map(({ name }, i) => {
      const y = MARGIN.top + 12 + i * 15;
      return `<line class="s${i % 4}" x1="${WIDTH - 150}" x2="${WIDTH - 130}" y1="${y - 4}" y2="${y - 4}"/><text x="${WIDTH - 124}" y="${y}">${name}</text>`;
    })
    .join('');
}

/** About five round numbers within the range. */
function ticks({ min, max }: Range): number[] {
  const rough = (max - min) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough) ?? power;
  const first = Math.ceil(min / step) * step;
  return Array.from({ length: Math.floor((max - first) / step + 1e-9) + 1 }, (_, i) => first + i * step);
}

function short(value: number): string {
  return String(Number(value.toPrecision(6)));
}
