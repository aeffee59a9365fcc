/**
 * The SVG and the terminal's chart: where the points come to lie, gaps, and text that would break the document.
 */
import { describe, expect, it } from 'vitest';
import { lineChart } from '../src/index.js';
import { terminalChart } from '../src/index.node.js';

const labels = { title: 'Accuracy', xLabel: 'epoch', yLabel: 'accuracy' };

function circles(svg: string): [x: number, y: number][] {
  return [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [Number(x), Number(y)]);
}

describe('lineChart', () => {
  it('puts points in proportion, larger values higher', () => {
    const svg = lineChart(
      [
        {
          name: 'a',
          points: [
            [0, 0],
            [1, 0.5],
            [2, 1],
          ],
        },
      ],
      labels,
    );
    const [first, second, third] = circles(svg) as [[number, number], [number, number], [number, number]];
    expect(circles(svg)).toHaveLength(3);
    expect(second[0] - first[0]).toBeCloseTo(third[0] - second[0], 0);
    expect(first[1] - second[1]).toBeCloseTo(second[1] - third[1], 0);
    expect(first[1]).toBeGreaterThan(third[1]);
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
    expect(svg.endsWith('</svg>\n')).toBe(true);
  });

  it('escapes what the user wrote', () => {
    const svg = lineChart([{ name: 'a', points: [[0, 0]] }], { ...labels, title: 'a < b & "c"' });
    expect(svg).toContain('<title>a &lt; b &amp; &quot;c&quot;</title>');
  });

  it('breaks a line where a value is not finite', () => {
    const svg = lineChart(
      [
        {
          name: 'a',
          points: [
            [0, 1],
            [1, Number.NaN],
            [2, 3],
            [3, 4],
          ],
        },
      ],
      labels,
    );
    expect(circles(svg)).toHaveLength(3);
    expect(svg).toMatch(/<path d="M[\d.]+,[\d.]+M[\d.]+,[\d.]+L[\d.]+,[\d.]+"/);
  });

  it('names the series where there are several', () => {
    const svg = lineChart(
      [
        { name: 'training', points: [[0, 1]] },
        { name: 'validation', points: [[0, 2]] },
      ],
      labels,
    );
    expect(svg).toContain('>training</text>');
    expect(svg).toContain('>validation</text>');
  });

  it('refuses a picture of nothing', () => {
    expect(() => lineChart([{ name: 'a', points: [[0, Number.NaN]] }], labels)).toThrow(/at least one finite point/);
  });
});

describe('terminalChart', () => {
  it('is as high and as wide as asked, with the extremes as labels', () => {
    const lines = terminalChart([0.1, 0.9, 0.95], { height: 4, width: 20 }).split('\n');
    expect(lines).toHaveLength(5);
    expect(lines[0]).toMatch(/^0\.950 /);
    expect(lines.at(-1)).toMatch(/^0\.100 /);
    expect(new Set(lines.map((line) => line.trimEnd().length)).size).toBeGreaterThan(1);
  });

  it('draws a single value, and refuses none', () => {
    expect(terminalChart([0.5], { height: 4 })).toMatch(/^0\.500 ┼─+/m);
    expect(() => terminalChart([])).toThrow(/expected finite values/);
    expect(() => terminalChart([1, Number.NaN])).toThrow(/expected finite values/);
  });
});
