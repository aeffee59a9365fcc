/**
 * A line of numbers as text, for a terminal. Owns its scale and its labels; the lines are drawn by asciichart.
 */

import asciichart from 'asciichart';

export interface TerminalChartOptions {
  /** Lines of text; 10 unless told. */
  readonly height?: number;
  /** Columns for the values; they are stretched or thinned to them. 60 unless told. */
  readonly width?: number;
  /** Digits after the point of the labels; 3 unless told. */
  readonly digits?: number;
}

/**
 * The values in order, from left to right.
 *
 * @throws RangeError if there is no value, or one is not finite.
 */
export function terminalChart(values: readonly number[], options: TerminalChartOptions = {}): string {
  const { height = 10, width = 60, digits = 3 } = options;
  if (values.length === 0 || !values.every(Number.isFinite)) {
    throw new RangeError(`terminalChart: expected finite values, got [${values.join(', ')}]`);
  }
  const [low, high] = [Math.min(...values), Math.max(...values)];
  // Equal values get room around them, or asciichart would label their line with a rounded number.
  const [min, max] = low === high ? [low - 0.5, high + 0.5] : [low, high];
  const columns = Math.max(...[min, max].map((value) => value.toFixed(digits).length));
  return asciichart.plot(stretched(values, width), {
    height,
    min,
    max,
    format: (value: number) => value.toFixed(digits).padStart(columns),
  });
}

/** `columns` values, between which neighbours are joined by straight lines. */
function stretched(values: readonly number[], columns: number): number[] {
  return Array.from({ length: columns }, (_, column) => {
    const place = (column / (columns - 1)) * (values.length - 1);
    const before = Math.floor(place);
    const from = values[before] as number;
    const to = values[Math.min(before + 1, values.length - 1)] as number;
    return from + (to - from) * (place - before);
  });
}
