/**
 * Lines over numbers, as an SVG picture. Owns the picture; where it is kept is the caller's, the terminal's chart is
 * `terminal-chart.node.ts`.
 */

import { scaleLinear } from 'd3-scale';

export interface Series {
  /** Shown in the legend where there are several. */
  readonly name: string;
  /** In the order they are joined. Where y is not finite the line has a gap. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface LineChartOptions {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  /** In pixels; 640 by 400 unless told. */
  readonly width?: number;
  readonly height?: number;
}

const margin = { top: 44, right: 24, bottom: 52, left: 64 } as const;
const colors = ['#2563eb', '#dc2626', '#059669', '#d97706', '#7c3aed', '#475569'] as const;

/**
 * A complete SVG document with axes, grid and one line with dots for each series.
 *
 * @throws RangeError if no series has a finite point.
 * @example
 * lineChart([{ name: 'accuracy', points: [[0, 0.1], [1, 0.9]] }], { title: 'Accuracy', xLabel: 'epoch', yLabel: 'accuracy' });
 */
export function lineChart(series: readonly Series[], options: LineChartOptions): string {
  const { title, xLabel, yLabel, width = 640, height = 400 } = options;
  const drawn = series.flatMap(({ points }) => points.filter(isFinitePoint));
  if (drawn.length === 0) {
    throw new RangeError('lineChart: expected at least one finite point');
  }
  const x = scaleLinear(domainOf(drawn.map(([value]) => value)), [margin.left, width - margin.right]);
  const y = scaleLinear(domainOf(drawn.map(([, value]) => value)), [height - margin.bottom, margin.top]).nice();
  const [bottom, top] = [height - margin.bottom, margin.top];
  const [left, right] = [margin.left, width - margin.right];
  const xLabels = x.tickFormat(8);
  const yLabels = y.tickFormat(6);
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" font-family="system-ui, sans-serif" font-size="12" fill="#334155">`,
    `  <title>${escaped(title)}</title>`,
    `  <rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `  <text x="${width / 2}" y="24" text-anchor="middle" font-size="16">${escaped(title)}</text>`,
    ...y
      .ticks(6)
      .flatMap((tick) => [
        `  <line x1="${left}" x2="${right}" y1="${round(y(tick))}" y2="${round(y(tick))}" stroke="#e2e8f0"/>`,
        `  <text x="${left - 8}" y="${round(y(tick) + 4)}" text-anchor="end">${escaped(yLabels(tick))}</text>`,
      ]),
    ...x
      .ticks(8)
      .flatMap((tick) => [
        `  <line x1="${round(x(tick))}" x2="${round(x(tick))}" y1="${bottom}" y2="${bottom + 5}" stroke="#94a3b8"/>`,
        `  <text x="${round(x(tick))}" y="${bottom + 20}" text-anchor="middle">${escaped(xLabels(tick))}</text>`,
      ]),
    `  <path d="M${left},${top}V${bottom}H${right}" fill="none" stroke="#94a3b8"/>`,
    `  <text x="${(left + right) / 2}" y="${height - 12}" text-anchor="middle">${escaped(xLabel)}</text>`,
    `  <text transform="translate(18 ${(top + bottom) / 2}) rotate(-90)" text-anchor="middle">${escaped(yLabel)}</text>`,
    ...series.flatMap(({ points }, index) => {
      const color = colors[index % colors.length];
      return [
        `  <path d="${path(points, x, y)}" fill="none" stroke="${color}" stroke-width="2" stroke-linejoin="round"/>`,
        ...points
          .filter(isFinitePoint)
          .map(([a, b]) => `  <circle cx="${round(x(a))}" cy="${round(y(b))}" r="3" fill="${color}"/>`),
      ];
    }),
    ...(series.length > 1 ? series.map(({ name }, index) => legend(name, index, right)) : []),
    '</svg>',
  ];
  return `${lines.join('\n')}\n`;
}

type Scale = (value: number) => number;

function path(points: Series['points'], x: Scale, y: Scale): string {
  let pen = 'M';
  let d = '';
  for (const point of points) {
    if (isFinitePoint(point)) {
      d += `${pen}${round(x(point[0]))},${round(y(point[1]))}`;
      pen = 'L';
    } else {
      pen = 'M';
    }
  }
  return d;
}

function legend(name: string, index: number, right: number): string {
  const y = margin.top + 12 + 18 * index;
  return `  <text x="${right - 8}" y="${y}" text-anchor="end" fill="${colors[index % colors.length]}">${escaped(name)}</text>`;
}

/** A single value gets room around it, or the scale would have no extent. */
function domainOf(values: readonly number[]): [number, number] {
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  return low === high ? [low - 0.5, high + 0.5] : [low, high];
}

function isFinitePoint([x, y]: readonly [number, number]): boolean {
  return Number.isFinite(x) && Number.isFinite(y);
}

function round(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
