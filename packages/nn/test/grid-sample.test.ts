/** Images read at points, against PyTorch's numbers: values, and the gradients of image and grid. */
import { arange } from '@torchlet/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { affineGrid, gridSample } from '../src/index.js';
import { openDevice } from './device.js';
import { dataOf, floats, spreadNumbers } from './values.js';

beforeAll(openDevice);

type Row = [
  'bilinear' | 'nearest',
  'zeros' | 'border' | 'reflection',
  alignCorners: boolean,
  output: number[],
  imageGradient: number[],
  gridGradient: number[],
];

// biome-ignore format: a table
const rows: Row[] = [
  ['bilinear', 'zeros', false, [0.06627, -0.516559, 0.033965, -0.549596, 0.000773, -0.483525, 0, -0.273481, 0, -0.126926, 0, 0.05395], [0.02699, 5.10127, 0.71681, 0, 0, 0, 0, 0.06403, 0, 0, 0, 0.17622, 0, 13.69216, 9.99595, 0, 0, 0, 0, 0, 0, 0, 0, 0], [0, 0, -0.62089, -1.46832, -1.18177, 0.01615, 6.6525, -4.0412, -2.39512, 0.00073, 12.61452, -5.20831, 0, 0, 19.79815, -3.67881, 0, 0, 28.20339, -1.98127, 0, 0, 37.83025, 0.93788]],
  ['bilinear', 'zeros', true, [0.223872, -0.851149, 0.202024, -0.695816, 0.179732, -0.540483, 0.233226, -0.244674, 0.198207, -0.089341, 0.162744, 0.065992], [0, 6.43471, 1.66858, 0, 0, 0.68986, 0.20686, 1.87698, 0, 0, 0, 2.05321, 0, 11.47435, 8.73358, 0, 0, 3.74648, 3.04559, 3.65022, 0, 0, 0, 7.01338], [0, 0, 2.71756, 0.04683, -0.85215, 0.06661, 8.15268, 0.14048, -1.7201, 0.11743, 13.5878, 0.23413, -3.86812, 0.15246, 19.02292, 0.32778, -5.18906, 0.17171, 24.45803, 0.42143, -6.5258, 0.17516, 29.89315, 0.51508]],
  ['bilinear', 'border', false, [0.291497, -0.978877, 0.295444, -0.898044, 0.29939, -0.694442, 0.443814, -0.350363, 0.447761, -0.146761, 0.44857, 0.056841], [0.05115, 7.89712, 1.05173, 0, 0, 0, 0, 1.28376, 0, 0, 0, 4.71624, 0, 15.79443, 11.20557, 0, 0, 0, 0, 0.74781, 0, 0, 0, 23.25219], [0, 0, -1.17659, 0, 0, 0.14048, 10.87024, 0, 0, 0.28095, 18.11706, 0, 0, 0.42143, 25.36389, 0, 0, 0.56191, 32.61071, 0, 0, 0, 39.85754, 0]],
  ['bilinear', 'border', true, [0.28142, -0.851149, 0.284052, -0.695816, 0.286683, -0.540483, 0.429791, -0.244674, 0.432422, -0.089341, 0.435053, 0.065992], [0, 6.43471, 1.66858, 0, 0, 0.68986, 0.20686, 2.85584, 0, 0, 0, 3.14416, 0, 11.47435, 8.73358, 0, 0, 3.74648, 3.04559, 8.05192, 0, 0, 0, 15.94808], [0, 0, 2.71756, 0.04683, 0, 0.09365, 8.15268, 0.14048, 0, 0.1873, 13.5878, 0.23413, 0, 0.28095, 19.02292, 0.32778, 0, 0.3746, 24.45803, 0.42143, 0, 0.46826, 29.89315, 0.51508]],
  ['bilinear', 'reflection', false, [0.291497, -0.978877, 0.295444, -0.898044, 0.29939, -0.694442, 0.508408, -0.350363, 0.578468, -0.146761, 0.645391, 0.056841], [0.05115, 7.89712, 1.05173, 0, 0, 0, 0, 1.28376, 0, 0, 0, 4.71624, 0, 15.79443, 11.20557, 0, 0, 0, 0.09766, 0.65016, 0, 0, 5.68422, 17.56797], [0, 0, -1.17659, 0, 0, 0.14048, 10.87024, 0, 0, 0.28095, 18.11706, 0, 7.05952, 0.42143, 25.36389, 0, 9.4127, 0.56191, 32.61071, 0, 11.76587, 0, 39.85754, 0]],
  ['bilinear', 'reflection', true, [0.401722, -0.851149, 0.453938, -0.695816, 0.506154, -0.540483, 0.698847, -0.244674, 0.751063, -0.089341, 0.803279, 0.065992], [0, 6.43471, 1.66858, 0, 0, 0.68986, 1.18572, 1.87698, 0, 0, 1.09095, 2.05321, 0, 11.47435, 8.73358, 0, 0, 3.74648, 7.44729, 3.65022, 0, 0, 8.93471, 7.01338], [0, 0, 2.71756, 0.04683, 1.76488, 0.09365, 8.15268, 0.14048, 3.52976, 0.1873, 13.5878, 0.23413, 5.29464, 0.28095, 19.02292, 0.32778, 7.05952, 0.3746, 24.45803, 0.42143, 8.8244, 0.46826, 29.89315, 0.51508]],
  ['nearest', 'zeros', false, [0, -1.00897, 0, -1.00897, 0, -1.00897, 0, -0.868494, 0, -0.868494, 0, 0.943213], [0, 9.0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16.0, 11.0, 0, 0, 0, 0, 0, 0, 0, 0, 0], []],
  ['nearest', 'zeros', true, [0.261268, -1.00897, 0.261268, -1.00897, 0.308093, -1.00897, 0.44857, -0.868494, 0, -0.868494, 0, 0.943213], [0, 9.0, 0, 0, 0, 0, 0, 2.0, 0, 0, 0, 4.0, 0, 16.0, 11.0, 0, 0, 0, 0, 0, 0, 0, 0, 6.0], []],
  ['nearest', 'border', false, [0.308093, -1.00897, 0.308093, -1.00897, 0.308093, -1.00897, 0.44857, -0.868494, 0.44857, -0.868494, 0.44857, 0.943213], [0, 9.0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6.0, 0, 16.0, 11.0, 0, 0, 0, 0, 0, 0, 0, 0, 24.0], []],
  ['nearest', 'border', true, [0.261268, -1.00897, 0.261268, -1.00897, 0.308093, -1.00897, 0.44857, -0.868494, 0.44857, -0.868494, 0.44857, 0.943213], [0, 9.0, 0, 0, 0, 0, 0, 2.0, 0, 0, 0, 4.0, 0, 16.0, 11.0, 0, 0, 0, 0, 0, 0, 0, 0, 24.0], []],
  ['nearest', 'reflection', false, [0.308093, -1.00897, 0.308093, -1.00897, 0.308093, -1.00897, 0.44857, -0.868494, 0.44857, -0.868494, 0.44857, 0.943213], [0, 9.0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6.0, 0, 16.0, 11.0, 0, 0, 0, 0, 0, 0, 0, 0, 24.0], []],
  ['nearest', 'reflection', true, [0.261268, -1.00897, 0.261268, -1.00897, 0.308093, -1.00897, 0.44857, -0.868494, 1.036864, -0.868494, 1.036864, 0.943213], [0, 9.0, 0, 0, 0, 0, 0, 2.0, 0, 0, 0, 4.0, 0, 16.0, 11.0, 0, 0, 0, 0, 0, 0, 0, 18.0, 6.0], []],
];

function expectClose(actual: readonly number[], expected: readonly number[], digits: number): void {
  expect(actual.length).toBe(expected.length);
  for (const [i, value] of actual.entries()) expect(value).toBeCloseTo(expected[i] as number, digits);
}

describe('gridSample', () => {
  test.each(rows)('%s, %s, alignCorners %s', async (mode, paddingMode, alignCorners, output, ofImage, ofGrid) => {
    const image = floats(spreadNumbers(24), [2, 1, 3, 4]).requiresGrad_();
    const points = spreadNumbers(24, 2).map((value) => value * 1.2);
    const grid = floats(points, [2, 2, 3, 2]).requiresGrad_();
    const read = gridSample(image, grid, { mode, paddingMode, alignCorners });
    expect(read.shape).toEqual([2, 1, 2, 3]);
    read.mul(arange(12).float().reshape(read.shape)).sum().backward();
    expectClose(await dataOf(read), output, 5);
    expectClose(await dataOf(image.grad), ofImage, 4);
    if (mode === 'bilinear') expectClose(await dataOf(grid.grad), ofGrid, 4);
  });

  test('refuses shapes that are no image and no grid', () => {
    const image = floats(spreadNumbers(24), [2, 1, 3, 4]);
    expect(() => gridSample(image, floats([0, 0], [1, 1, 1, 2]))).toThrow(
      'gridSample: expected [n, channels, height, width]',
    );
  });
});

describe('affineGrid', () => {
  const theta = () => floats(spreadNumbers(12, 3), [2, 2, 3]);
  test.each([
    [false, [1.5318, -0.974053, 1.474838, -0.607603, 1.417876, -0.241152], [0.306458, 0.059137, 1.096322, -0.327587]],
    [true, [1.89715, -1.137969, 1.811706, -0.588294, 1.726263, -0.038618], [0.604709, -0.525053, 1.789504, -1.105139]],
  ])('alignCorners %s', async (alignCorners, first, last) => {
    const grid = affineGrid(theta(), [2, 1, 2, 3], { alignCorners });
    expect(grid.shape).toEqual([2, 2, 3, 2]);
    const values = await dataOf(grid);
    expectClose(values.slice(0, 6), first, 5);
    expectClose(values.slice(-4), last, 5);
  });

  test('the identity reads an image as it is', async () => {
    const image = floats(spreadNumbers(12), [1, 1, 3, 4]);
    const grid = affineGrid(floats([1, 0, 0, 0, 1, 0], [1, 2, 3]), [1, 1, 3, 4]);
    expectClose(await dataOf(gridSample(image, grid)), spreadNumbers(12), 5);
    expect(() => affineGrid(theta(), [1, 1, 2, 3])).toThrow('affineGrid: expected maps [n, 2, 3]');
  });
});
