/** Matrix products: which form a product takes, what its inner loop holds, how many registers it takes. What they compute is tested on devices. */
import type { Capabilities, DType, MatmulKernel, Program } from '@torchlet/device';
import { describe, expect, it } from 'vitest';
import { generate } from '../src/generate.js';
import type { Generated, Launch, Target } from '../src/generated.js';
import { assemble, noAssembler } from './assembler.js';
import { at, axis, buffer, constant, fn, load, matmul, program, result, store } from '@torchlet/device/by-hand';
import { countLoop } from './loop-counts.js';

const capabilities = { alignment: 256 } as Capabilities;
const target: Target = {
  computeCapability: 80,
  multiprocessors: 16,
  sharedBytesPerBlock: 166912,
  matmulPrecision: 'highest',
  wgmma: 'off',
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
const large = { m: 1024, n: 1024, k: 1024 } as const;
const small = { m: 256, n: 256, k: 64 } as const;
/** A form by name: its shape, and the most registers it may take, by which as many blocks fit a multiprocessor as it asks room for. */
const forms: readonly (readonly [name: string, shape: Shape, registers: number])[] = [
  ['float32, large tiles', large, 128],
  ['float32, large tiles, weights as linear has them', { ...large, isTransposed: true }, 168],
  ['float32, small tiles', small, 128],
  ['float32, edges', { m: 267, n: 245, k: 37 }, 128],
  ['float64', { ...small, dtype: 'float64' }, 128],
  ['bfloat16, large tiles', { ...large, dtype: 'bfloat16' }, 216],
  ['bfloat16, small tiles', { ...small, dtype: 'bfloat16' }, 128],
  ['bfloat16, small tiles, weights as linear has them', { ...small, dtype: 'bfloat16', isTransposed: true }, 128],
  ['float16, edges', { m: 267, n: 245, k: 37, dtype: 'float16' }, 232],
  ['tf32, large tiles', { ...large, parts: high }, 200],
  ['tf32, small tiles', { ...small, parts: high }, 128],
];

describe('products', () => {
  it('take tiles where they are full, and loops where they would be empty', () => {
    const comment = (shape: Shape): string[] => generated(shape).ptx.match(/^\/\/ .*$/gm) ?? [];
    expect(comment(small)).toEqual(['// product: tiles of 64 by 64 results, 8 by 4 a thread, 4 stages']);
    expect(comment(large)).toEqual(['// product: tiles of 128 by 128 results, 8 by 8 a thread, 4 stages']);
    expect(comment({ ...small, parts: high })).toEqual([
      '// product: tiles of 64 by 64 results by tensor cores, factors of tf32, 4 stages',
    ]);
    expect(comment({ ...large, dtype: 'float16' })).toEqual([
      '// product: tiles of 128 by 128 results by tensor cores, factors of f16, 4 stages',
    ]);
    expect(comment({ m: 256, n: 4, k: 64 }).join()).not.toContain('tiles');
    expect(comment({ ...small, dtype: 'int32' }).join()).not.toContain('tiles');
  });

  it('have a block for every multiprocessor where large tiles alone would not', () => {
    const made = generate('cuda', productOf(large), capabilities, { ...target, multiprocessors: 132 });
    expect(launchesOf(made)[0]?.grid[0]).toBeGreaterThanOrEqual(132);
  });

  it('keep fewer stages where a block may have less shared memory', () => {
    const { ptx } = generate('cuda', productOf(large), capabilities, { ...target, sharedBytesPerBlock: 49152 });
    expect(ptx).toContain('2 stages');
  });

  it('with few results and a long sum are cut into parts that fill the card', () => {
    const made = generated({ m: 32, n: 64, k: 6400 });
    const launches = launchesOf(made);
    expect(launches).toHaveLength(2);
    expect(launches[0]?.grid[0]).toBeGreaterThan(0.75 * target.multiprocessors);
    expect(made.scratchBytes % (32 * 64 * 4)).toBe(0);
    expect(launches[0]?.arguments).toContainEqual({ kind: 'scratch', offset: 0 });
  });

  it('do what is long with results in a loop, not once for each register', () => {
    const gelu = (dtype: DType) => {
      const half = fn('mul', [result(0, dtype), constant(0.5, dtype)]);
      const whole = fn('add', [
        constant(1, dtype),
        fn('erf', [fn('mul', [result(0, dtype), constant(Math.SQRT1_2, dtype)])]),
      ]);
      return store(2, at(axis(0), 1024, axis(1)), fn('mul', [half, whole]));
    };
    const lengths = (['float32', 'bfloat16'] as const).map((dtype) => {
      const plain = generated({ ...large, dtype }).ptx;
      const long = generated({ ...large, dtype, parts: { stores: [gelu(dtype)] } }).ptx;
      return long.length / plain.length;
    });
    expect(Math.max(...lengths)).toBeLessThan(1.6);
  });

  it('have inner loops of these instructions', () => {
    const lines = forms.map(([name, shape]) => {
      const made = generated(shape);
      const counts = countLoop(made.ptx, launchesOf(made)[0] as Launch);
      const parts = Object.entries(counts).map(([kind, count]) => `${count} ${kind}`);
      return `${name}: ${parts.join(', ')}`;
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
        const over = forms.flatMap(([form, shape, most]) =>
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
