/** The code that is generated: snapshots of a few kernels, what every one of them takes by the assembler, and what is refused. What it computes is tested on devices. */
import type { Capabilities, Program } from '@torchlet/device';
import { describe, expect, it } from 'vitest';
import { generate } from '../src/generate.js';
import type { Launch, Target } from '../src/generated.js';
import { assemble, noAssembler } from './assembler.js';
import { axis, buffer, fn, load, map, program } from '@torchlet/device/by-hand';
import { adam, linear, padded, representative, scatter, softmax, sums } from './representative.js';

const capabilities = { alignment: 256 } as Capabilities;
const target: Target = {
  computeCapability: 80,
  multiprocessors: 8,
  sharedBytesPerBlock: 49152,
  matmulPrecision: 'highest',
  wgmma: 'off',
};
const architectures = ['sm_80', 'sm_86', 'sm_89', 'sm_90', 'sm_100', 'sm_120'];

/** Registers that no entry may go beyond: two blocks of 256 threads then fit a multiprocessor's 64 K registers twice over. */
const mostRegisters = 128;

function launches(source: Program): Launch[] {
  return generate('cuda', source, capabilities, target).steps.filter((step) => step.kind === 'launch');
}

function printed(source: Program): string {
  const { ptx } = generate('cuda', source, capabilities, target);
  const shapes = launches(source).map(({ entry, grid, block }) => `// ${entry}: ${grid[0]} blocks of ${block[0]}`);
  return [ptx, ...shapes].join('\n');
}

describe('kernels', () => {
  it('of single elements', () => {
    const square = fn('mul', [load(0, axis(0)), load(0, axis(0))]);
    const source = program('square', [buffer(0, 30, 'read'), buffer(1, 30, 'write')], [map('square', 30, 1, square)]);
    expect(printed(source)).toMatchSnapshot();
  });

  it('of vectors of elements', () => {
    expect(printed(adam(2 ** 16))).toMatchSnapshot();
  });

  it('of rows that stay in registers', () => {
    expect(printed(softmax(300, 128))).toMatchSnapshot();
  });

  it('of columns that threads share', () => {
    expect(printed(sums(512, 96, 0))).toMatchSnapshot();
  });

  it('of a long row in parts', () => {
    expect(printed(sums(1, 100_000, 1))).toMatchSnapshot();
  });

  it('of places that threads own', () => {
    expect(printed(scatter(40, 8, 100))).toMatchSnapshot();
  });

  it('of points that are added by atomics', () => {
    const { ptx } = generate('cuda', scatter(40, 8, 100, 'int32'), capabilities, target);
    expect(ptx).toContain('red.global.add.s32');
  });
});

describe('accesses', () => {
  const { ptx } = generate('cuda', adam(2 ** 20), capabilities, target);

  it('are of 16 bytes where elements lie so', () => {
    const accesses = ptx.split('\n').filter((line) => /\b(ld|st)\.global/.test(line));
    const whole = accesses.filter((line) => line.includes('.v4.'));
    // Four arrays are read, three are written, and the learning rate is one number.
    expect([whole.length, accesses.length]).toEqual([7, 8]);
  });

  it('are of 16 bytes up to the last whole vector', () => {
    const source = adam(2 ** 16 + 3);
    const { ptx: text } = generate('cuda', source, capabilities, target);
    expect(text.match(/(ld|st)\.global(\.nc)?\.v4\.f32/g)).toHaveLength(7);
    expect(launches(source).map(({ grid, block }) => grid[0] * block[0])).toEqual([2 ** 14 + 256]);
  });

  it('of a row read it once', () => {
    const { ptx: text } = generate('cuda', softmax(300, 1024), capabilities, target);
    const read = text.split('\n').filter((line) => line.includes('ld.global'));
    const threads = launches(softmax(300, 1024))[0]?.block[0] as number;
    expect(read.length * 4 * threads).toBe(1024);
  });
});

describe('modules', () => {
  it('hold equal kernels once', () => {
    const double = (from: number): Program['kernels'][0] =>
      map('double', 8, from + 1, fn('add', [load(from, axis(0)), load(from, axis(0))]));
    const slots = [0, 1, 2, 3].map((i) => buffer(i, 8, i % 2 === 0 ? 'read' : 'write'));
    const source = program('twice', slots, [double(0), double(2)]);
    expect(launches(source).map(({ entry, arguments: given }) => [entry, given])).toEqual([
      [
        'double',
        [
          { kind: 'slot', slot: 0 },
          { kind: 'slot', slot: 1 },
        ],
      ],
      [
        'double',
        [
          { kind: 'slot', slot: 2 },
          { kind: 'slot', slot: 3 },
        ],
      ],
    ]);
    expect(generate('cuda', source, capabilities, target).ptx.match(/\.entry/g)).toHaveLength(1);
  });

  it('refuse custom kernels by name', () => {
    const custom = { kind: 'custom', name: 'mine', inputs: [], outputs: [0], sources: { wgsl: '' } } as const;
    const source = program('odd', [buffer(0, 1, 'write')], [custom]);
    expect(() => generate('cuda', source, capabilities, target)).toThrow(
      'cuda: program odd, kernel mine: a custom kernel has no form that this device runs; it has sources for: wgsl',
    );
  });

  it('are empty where nothing is computed', () => {
    const source = program('none', [buffer(0, 0, 'write')], [map('none', 0, 0, load(0, axis(0)))]);
    expect(generate('cuda', source, capabilities, target)).toEqual({ ptx: '', steps: [], scratchBytes: 0 });
  });
});

describe.skipIf(noAssembler !== null)(
  `the assembler${noAssembler === null ? '' : ` (skipped: ${noAssembler})`}`,
  () => {
    it.each(architectures)('takes every kernel for %s, without spilling', { timeout: 120_000 }, (architecture) => {
      const usages = representative.flatMap((source) =>
        assemble(generate('cuda', source, capabilities, target).ptx, architecture).map((usage) => ({
          ...usage,
          program: source.name,
        })),
      );
      expect(usages.length).toBeGreaterThan(300);
      expect(usages.filter(({ spilledBytes }) => spilledBytes > 0)).toEqual([]);
      expect(usages.filter(({ registers }) => registers > mostRegisters)).toEqual([]);
    });

    it.each([
      ['adam', adam(2 ** 20), 40],
      ['softmax in registers', softmax(300, 1024), 40],
      ['a pad', padded(100, 64), 24],
      ['a product by small tiles', linear(100, 32, 784), 96],
    ] as const)('%s takes few registers', (_, source, most) => {
      const usages = assemble(generate('cuda', source, capabilities, target).ptx, 'sm_80');
      expect(Math.max(...usages.map(({ registers }) => registers))).toBeLessThanOrEqual(most);
    });
  },
);
