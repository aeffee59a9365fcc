/**
 * The charts of loss and accuracy. Owns their data, their looks in light and dark, and their size; they are drawn by uPlot.
 */

import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

export interface Line {
  readonly name: string;
  /** A custom property with its colour. */
  readonly colour: string;
  readonly width: number;
  /** Dots at the values, for lines of few. */
  readonly points?: boolean;
}

export interface ChartOptions {
  readonly x: string;
  readonly lines: readonly Line[];
  readonly format: (value: number) => string;
  /** The upper end of the scale; the highest value unless told. */
  readonly top?: number;
}

type Column = readonly (number | null)[];

export class Chart {
  readonly #place: HTMLElement;
  readonly #options: ChartOptions;
  #columns: readonly Column[];
  #plot: uPlot | undefined;
  #drawing: number | undefined;

  /** @param place is filled; its width is followed. */
  constructor(place: HTMLElement, options: ChartOptions) {
    this.#place = place;
    this.#options = options;
    this.#columns = [[], ...options.lines.map(() => [])];
    // uPlot takes its colours once.
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#build());
    new ResizeObserver(() => this.#plot?.setSize(this.#size())).observe(place);
    this.#build();
  }

  /** The x values, then those of each line; null where a line has none. They are shown with the next frame. */
  show(columns: readonly Column[]): void {
    this.#columns = columns;
    this.#drawing ??= requestAnimationFrame(() => {
      this.#drawing = undefined;
      this.#plot?.setData(this.#columns as uPlot.AlignedData);
    });
  }

  #size(): { width: number; height: number } {
    const width = this.#place.clientWidth;
    return { width, height: Math.round(Math.min(260, Math.max(180, width * 0.5))) };
  }

  #build(): void {
    this.#plot?.destroy();
    const { x, lines, format, top } = this.#options;
    const styles = getComputedStyle(this.#place);
    const colour = (name: string) => styles.getPropertyValue(name).trim();
    const axis: uPlot.Axis = {
      stroke: colour('--muted'),
      grid: { stroke: colour('--line'), width: 1 },
      ticks: { stroke: colour('--line'), width: 1, size: 4 },
      font: `12px ${styles.fontFamily}`,
    };
    const value = (_: uPlot, shown: number | null) => (shown === null ? '–' : format(shown));
    const options: uPlot.Options = {
      ...this.#size(),
      scales: { x: { time: false }, y: { range: (_, __, highest) => [0, top ?? 1.05 * Math.max(highest ?? 1, 0.1)] } },
      axes: [
        { ...axis, size: 28, incrs: wholeSteps },
        { ...axis, size: 48, values: (_, splits) => splits.map(format) },
      ],
      series: [
        { label: x },
        ...lines.map(({ name, colour: property, width, points = false }) => ({
          label: name,
          stroke: colour(property),
          width,
          spanGaps: true,
          points: { show: points, size: 6 },
          value,
        })),
      ],
      cursor: { drag: { x: false, y: false } },
    };
    this.#plot = new uPlot(options, this.#columns as uPlot.AlignedData, this.#place);
  }
}

const wholeSteps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000];
