/** Plans of the shapes that matter most, as they are printed: a change of heart shows here first. */
import { expect, it } from 'vitest';
import { type Plain, plainMatmul } from './cases.js';
import type { MatmulOperand } from '../../src/matmul/operand.js';
import { planMatmul, printPlan } from '../../src/matmul/plan.js';
import { axis } from '../build.js';
import { planOf } from './run-matmul.js';

const shapes: Readonly<Record<string, Plain>> = {
  'first layer, weights [out, in]': { m: 100, k: 784, n: 32, b: 'nk' },
  'first layer, weights [in, out]': { m: 100, k: 784, n: 32 },
  logits: { m: 100, k: 32, n: 10, b: 'nk' },
  'gradient of the first weights': { m: 32, k: 100, n: 784, a: 'km' },
  'gradient of the hidden layer': { m: 100, k: 10, n: 32 },
  'gradient of wide weights': { m: 512, k: 100, n: 784, a: 'km' },
  'square 256': { m: 256, k: 256, n: 256 },
  'square 1024': { m: 1024, k: 1024, n: 1024 },
  'square 2048, both transposed': { m: 2048, k: 2048, n: 2048, a: 'km', b: 'nk' },
  'row times matrix': { m: 1, k: 1024, n: 1024 },
  'matrix times column': { m: 1024, k: 1024, n: 1 },
  float64: { m: 64, k: 64, n: 64, dtype: 'float64' },
};

it('plans', () => {
  const plans = Object.entries(shapes).map(([name, shape]) => `${name}: ${planOf(plainMatmul(shape))}`);
  expect(plans.join('\n')).toMatchInlineSnapshot(`
    "first layer, weights [out, in]: dot [100, 784] x [784, 32]: strips 16 of 4x2; packs nothing; blocks 100 x 32 x 784; split by 4 rows
    first layer, weights [in, out]: splat [100, 784] x [784, 32]: strips 2 of 2x16; packs nothing; blocks 100 x 32 x 784; split by 2 rows
    logits: splat [100, 32] x [32, 10]: strips 1 of 3x10; packs right; blocks 102 x 10 x 32; split by 3 rows
    gradient of the first weights: splat [32, 100] x [100, 784]: strips 49 of 2x16; packs nothing; blocks 32 x 784 x 100; split by 16 columns
    gradient of the hidden layer: splat [100, 10] x [10, 32]: strips 2 of 2x16; packs nothing; blocks 100 x 32 x 12; split by 2 rows
    gradient of wide weights: splat [512, 100] x [100, 784]: strips 49 of 2x16; packs left and right; blocks 512 x 784 x 100; split by 2 rows
    square 256: splat [256, 256] x [256, 256]: strips 16 of 2x16; packs nothing; blocks 256 x 256 x 256; split by 2 rows
    square 1024: splat [1024, 1024] x [1024, 1024]: strips 64 of 2x16; packs right; blocks 1024 x 128 x 1024; split by 16 columns
    square 2048, both transposed: splat [2048, 2048] x [2048, 2048] swapped: strips 128 of 2x16; packs right; blocks 512 x 128 x 1024; split by 16 columns
    row times matrix: splat [1, 1024] x [1024, 1024]: strips 32 of 1x32; packs nothing; blocks 1 x 1024 x 16; split by 32 columns
    matrix times column: dot [1024, 1024] x [1024, 1]: strips 1 of 8x1; packs nothing; blocks 1024 x 1 x 1024; split by 8 rows
    float64: splat [64, 64] x [64, 64]: strips 8 of 2x8; packs nothing; blocks 64 x 64 x 64; split by 2 rows"
  `);
});

it('takes columns in groups of four wherever sums are put aside between pieces of k', () => {
  const windows: MatmulOperand = { kind: 'table', slot: 0, index: axis(0), bounds: [], along: 'k', fixed: true };
  let inPieces = 0;
  for (const k of [64, 300, 1024, 5000]) {
    for (const rows of [3, 20, 56, 300]) {
      for (const columns of [2, 10, 32, 200]) {
        const right: MatmulOperand = { kind: 'strided', slot: 1, index: axis(1), own: k, k: 1 };
        const roles = { rows, columns, k, left: windows, right, width: 4, pieces: 1, storesAlongColumns: true };
        const plan = planMatmul([{ ...roles, swapped: false }]);
        if (plan.k <= plan.depth) continue;
        inPieces++;
        const [first] = plan.strips;
        expect(plan.strips.length > 1 || (first?.count ?? 0) > 1 ? (first?.width ?? 0) % 4 : 0, printPlan(plan)).toBe(
          0,
        );
      }
    }
  }
  expect(inPieces).toBeGreaterThan(10);
});
