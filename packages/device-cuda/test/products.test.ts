/** Matrix products: which form a product takes, what its inner loop holds, how many registers it takes. What they compute is tested on devices. */
import type { Capabilities, DType, MatmulKernel, Program } from '@torchlet/device';
import { describe, expect, it } from 'vitest';
import { generate } from '../src/generate.js';
import type { Generated, Launch, Target } from '../src/generated.js';
import { assemble, noAssembler } from './assembler.js';
import { at, axis, buffer, load, matmul, program, result, store } from '@torchlet/device/by-hand';
import { countLoop, trafficOverLeast } from './loop-counts.js';

const capabilities = { alignment: 256 } as Capabilities;
const target: Target = {
  computeCapability: 80,
  multiprocessors: 16,
  sharedBytesPerBlock: 49152,
  matmulPrecision: 'highest',
};
const architectures = ['sm_80', 'sm_86', 'sm_89', 'sm_90', 'sm_100', 'sm_120'];

interface Shape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly dtype?: DType;
  readonly parts?: Partial<MatmulKernel>;
  readonly isTransposed?: boolean;
}

function productOf({ m, n, k, dtype = 'float32', parts = {}, isTransposed = false }: Shape): Program {
  const kernel = matmul('product', [m, n, k], {
    dtype,
    a: load(0, at(axis(0), k, axis(2)), dtype),
    b: load(1, isTransposed ? at(axis(1), k, axis(2)) : at(axis(2), n, axis(1)), dtype),
    stores: [store(2, at(axis(0), n, axis(1)), result(0, dtype))],
    ...parts,
  });
  const slots = [buffer(0, m * k, 'read', dtype), buffer(1, k * n, 'read', dtype), buffer(2, m * n, 'write', dtype)];
  return program('product', slots, [kernel]);
}

const generated = (shape: Shape): Generated => generate('cuda', productOf(shape), capabilities, target);
const launchesOf = ({ steps }: Generated): Launch[] => steps.filter((step) => step.kind === 'launch');

const high = { precision: 'high' } as const;
/** A form by name: its shape, the side of its tiles, and the most registers it may take. */
const forms: readonly (readonly [name: string, shape: Shape, across: number, registers: number])[] = [
  ['float32, small tiles', { m: 256, n: 256, k: 64 }, 64, 64],
  ['float32, large tiles', { m: 1024, n: 1024, k: 1024 }, 128, 152],
  ['float32, edges', { m: 267, n: 245, k: 37 }, 64, 72],
  ['float64', { m: 256, n: 256, k: 64, dtype: 'float64' }, 64, 128],
  ['bfloat16, small tiles', { m: 256, n: 256, k: 64, dtype: 'bfloat16' }, 64, 96],
  ['bfloat16, large tiles', { m: 1024, n: 1024, k: 1024, dtype: 'bfloat16' }, 128, 176],
  ['float16, weights as linear has them', { m: 256, n: 256, k: 64, dtype: 'float16', isTransposed: true }, 64, 96],
  ['tf32, small tiles', { m: 256, n: 256, k: 64, parts: high }, 64, 128],
  ['tf32, large tiles', { m: 1024, n: 1024, k: 1024, parts: high }, 128, 168],
];

describe('products', () => {
  it('take tiles where they are full, and loops where they would be empty', () => {
    const comment = (shape: Shape): string[] => generated(shape).ptx.match(/^\/\/ .*$/gm) ?? [];
    expect(comment({ m: 256, n: 256, k: 64 })).toEqual(['// product: tiles of 64 by 64 results, 4 by 4 a thread']);
    expect(comment({ m: 1024, n: 1024, k: 64 })).toEqual(['// product: tiles of 128 by 128 results, 8 by 8 a thread']);
    expect(comment({ m: 256, n: 256, k: 64, parts: high })).toEqual([
      '// product: tiles of 64 by 64 results by tensor cores, factors of tf32',
    ]);
    expect(comment({ m: 256, n: 256, k: 64, dtype: 'float16' })).toEqual([
      '// product: tiles of 64 by 64 results by tensor cores, factors of f16',
    ]);
    expect(comment({ m: 256, n: 4, k: 64 }).join()).not.toContain('tiles');
    expect(comment({ m: 256, n: 256, k: 64, dtype: 'int32' }).join()).not.toContain('tiles');
  });

  it('with few results and a long sum are cut into parts that fill the card', () => {
    const made = generated({ m: 32, n: 64, k: 6400 });
    const launches = launchesOf(made);
    expect(launches.map(({ grid }) => grid[0])).toEqual([16, expect.any(Number)]);
    expect(made.scratchBytes).toBe(16 * 32 * 64 * 4);
    expect(launches[0]?.arguments).toContainEqual({ kind: 'scratch', offset: 0 });
  });

  it('have inner loops of these instructions, and move these bytes beside the least', () => {
    const lines = forms.map(([name, shape, across]) => {
      const made = generated(shape);
      const counts = countLoop(made.ptx, launchesOf(made)[0] as Launch);
      const bytes = shape.dtype === 'float64' ? 8 : shape.dtype === undefined ? 4 : 2;
      const traffic = trafficOverLeast({ ...shape, across, bytes }).toFixed(1);
      const parts = Object.entries(counts).map(([kind, count]) => `${count} ${kind}`);
      return `${name}: ${parts.join(', ')}; ${traffic} times the least bytes`;
    });
    expect(lines.join('\n')).toMatchSnapshot();
  });
});

describe.skipIf(noAssembler !== null)(
  `products in the assembler${noAssembler === null ? '' : ` (skipped: ${noAssembler})`}`,
  () => {
    it.each(architectures)(
      'are taken for %s within their registers, without spilling',
      { timeout: 120_000 },
      (name) => {
        const over = forms.flatMap(([form, shape, , most]) =>
          assemble(generated(shape).ptx, name).flatMap(({ registers, spilledBytes }) =>
            registers > most || spilledBytes > 0
              ? [`${form}: ${registers} registers, ${spilledBytes} bytes spilled`]
              : [],
          ),
        );
        expect(over).toEqual([]);
      },
    );
  },
);
