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

/** An H100. */
const hopper: Target = {
  computeCapability: 90,
  multiprocessors: 132,
  sharedBytesPerBlock: 232448,
  matmulPrecision: 'highest',
  wgmma: 'auto',
};

const generated = (shape: Shape, on = target): Generated => generate('cuda', productOf(shape), capabilities, on);
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

const turned = { isTransposed: true } as const;
const huge = { m: 4096, n: 4096, k: 4096 } as const;
/** The same of warpgroups, which are two or one in a block. */
const groupForms: readonly (readonly [name: string, shape: Shape, registers: number])[] = [
  ['bfloat16, 128 by 256', { ...huge, dtype: 'bfloat16' }, 255],
  ['bfloat16, 128 by 256, weights as linear has them', { ...huge, ...turned, dtype: 'bfloat16' }, 255],
  ['bfloat16, 64 by 128', { ...large, dtype: 'bfloat16' }, 168],
  ['float16, 128 by 128, in parts', { m: 768, n: 768, k: 4096, dtype: 'float16' }, 128],
  ['float16, edges', { m: 264, n: 248, k: 1032, dtype: 'float16' }, 168],
  ['tf32, 128 by 256', { ...huge, ...turned, parts: high }, 255],
  ['tf32, 64 by 128, edges', { m: 1000, n: 1000, k: 516, ...turned, parts: high }, 168],
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

  it('go to warpgroups where those have them, tiles are full and sums are long', () => {
    const form = (shape: Shape, on = hopper): string =>
      /tiles of (\d+ by \d+) results by (\w+)/.exec(generated(shape, on).ptx)?.slice(1).join(' ') ?? '';
    expect(form({ ...huge, dtype: 'bfloat16' })).toBe('128 by 256 warpgroups');
    expect(form({ ...large, dtype: 'bfloat16' })).toBe('64 by 128 warpgroups');
    expect(form({ m: 768, n: 768, k: 4096, dtype: 'float16' })).toBe('128 by 128 warpgroups');
    expect(form({ ...huge, ...turned, parts: high })).toBe('128 by 256 warpgroups');
    // The right operand does not lie along k.
    expect(form({ ...huge, parts: high })).toBe('128 by 128 tensor');
    expect(form({ ...small, dtype: 'bfloat16' })).toBe('64 by 64 tensor');
    expect(form({ m: 32, n: 4096, k: 4096, dtype: 'bfloat16' })).toBe('64 by 128 tensor');
    expect(form({ ...huge, dtype: 'bfloat16' }, { ...hopper, wgmma: 'off' })).toBe('128 by 128 tensor');
    expect(form({ ...small, dtype: 'bfloat16' }, { ...hopper, wgmma: 'always' })).toBe('64 by 128 warpgroups');
  });

  it('by warpgroups are in a module for that card alone; others stay what every card takes', () => {
    const head = (shape: Shape): string[] => generated(shape, hopper).ptx.split('\n').slice(0, 2);
    expect(head({ ...large, dtype: 'bfloat16' })).toEqual(['.version 8.0', '.target sm_90a']);
    expect(head({ ...small, dtype: 'bfloat16' })).toEqual(['.version 7.0', '.target sm_80']);
  });

  it('have inner loops of these instructions', () => {
    const all = [
      ...forms.map((form) => [...form, target] as const),
      ...groupForms.map((form) => [...form, hopper] as const),
    ];
    const lines = all.map(([name, shape, , on]) => {
      const made = generated(shape, on);
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

    it('by warpgroups are taken within their registers, without spilling or waiting for each other', () => {
      const over = groupForms.flatMap(([form, shape, most]) => {
        const made = generated(shape, hopper);
        expect(made.ptx).toContain('by warpgroups');
        return assemble(made.ptx, 'sm_90a').flatMap(({ registers, spilledBytes }) =>
          registers > most || spilledBytes > 0
            ? [`${form}: ${registers} registers, ${spilledBytes} bytes spilled`]
            : [],
        );
      });
      expect(over).toEqual([]);
    });

    it('that touch sums of warpgroups too early are told', () => {
      const { ptx } = generated({ ...large, dtype: 'bfloat16' }, hopper);
      const early = ptx.replace('wgmma.commit_group', 'add.f32 %sum_0, %sum_0, %sum_1; wgmma.commit_group');
      expect(() => assemble(early, 'sm_90a')).toThrow(/serialized|injected/);
    });
  },
);
