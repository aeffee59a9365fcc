/**
 * Element-wise and row kernels run on the stand-in: what their accesses would cost a card. Every access takes whole sectors, no banks conflict, and what is moved
 * is what must be: every slot once. Instructions are those of the text, of which the assembler takes away about a third.
 */
import { dtypeNames, dtypes, type Program } from '@torchlet/device';
import { at, axis, buffer, fn, load, loop, phase, program, result, store } from '@torchlet/device/by-hand';
import { describe, expect, test } from 'vitest';
import type { Target } from '../src/generated.js';
import { adam, functionsOf, softmax, sums } from './representative.js';
import { noStandin, onStandin } from './standin-driver.js';
import { runProgram, type Work } from './standin-program.js';

const target: Target = {
  computeCapability: 80,
  multiprocessors: 4,
  sharedBytesPerBlock: 166912,
  matmulPrecision: 'highest',
  wgmma: 'off',
};

interface Cost {
  /** Sectors over those that would hold what was asked for, and wavefronts over those without conflicts. */
  readonly sectors: number;
  readonly wavefronts: number;
  /** Bytes moved over the least: every slot once, twice where it is read and written. */
  readonly bytes: number;
  /** Instructions of threads for each element of the largest slot. */
  readonly instructions: number;
}

function costOf(program: Program): Cost {
  const sizes = program.slots.map(({ size, dtype }) => size * dtypes[dtype].bytes);
  const slots = sizes.map((bytes) => new Float32Array(Math.ceil(bytes / 4)));
  const works = Object.values(runProgram(program, target, slots, [0.1]).work);
  const sum = (field: keyof Work): number => works.reduce((whole, work) => whole + work[field], 0);
  const least = program.slots.reduce((bytes, slot, i) => {
    const isBoth = slot.kind === 'buffer' && slot.access === 'readwrite';
    return bytes + (sizes[i] as number) * (isBoth ? 2 : 1);
  }, 0);
  return {
    sectors: sum('globalSectors') / sum('globalLeast'),
    wavefronts: sum('sharedWavefronts') / Math.max(1, sum('sharedLeast')),
    bytes: (32 * sum('globalSectors')) / least,
    instructions: sum('threadInstructions') / Math.max(...program.slots.map(({ size }) => size)),
  };
}

/** Sums of products of elements and a number for each row, along rows (1) or columns (0): what normalisations and their gradients are made of. */
function weighted(rows: number, columns: number, along: 0 | 1): Program {
  const [points, length] = along === 1 ? [rows, columns] : [columns, rows];
  const row = axis(along === 1 ? 0 : 1);
  const of = fn('mul', [load(0, at(row, columns, axis(along === 1 ? 1 : 0))), load(1, row)]);
  return program(
    'weighted',
    [buffer(0, rows * columns, 'read'), buffer(1, rows, 'read'), buffer(2, points, 'write')],
    [
      loop(
        'weighted',
        [points],
        phase([length], { reductions: [{ id: 0, combine: 'sum', dtype: 'float32', of }] }),
        phase([], { stores: [store(2, axis(0), result(0))] }),
      ),
    ],
  );
}

describe.skipIf(noStandin !== null)(onStandin('accesses of kernels'), () => {
  test.each([
    // Its learning rate is one number that every warp reads.
    ['adam', adam(2 ** 15), 1.05, 24],
    ['adam past a whole vector', adam(2 ** 15 + 3), 1.05, 24],
    ['softmax in a warp', softmax(64, 128), 1.02, 50],
    ['softmax in a block', softmax(64, 1024), 1.01, 54],
    ['softmax of rows that are no whole turns', softmax(64, 1000), 1.01, 56],
    ['softmax of long rows', softmax(16, 4096), 1.01, 58],
    ['sums of rows', sums(300, 1024, 1), 1.01, 11],
    ['sums of rows of bfloat16', sums(256, 1024, 1, 'bfloat16'), 1.02, 12],
    ['sums of columns', sums(4096, 64, 0), 1.01, 9],
    ['rows with a number of their own', weighted(256, 256, 1), 1.06, 13],
    ['columns of rows with a number of their own', weighted(1024, 64, 0), 1.25, 14],
    ['sums of one long row, in parts', sums(1, 2 ** 16, 1), 1.02, 12],
  ] as const)('%s', (_, source, mostBytes, mostInstructions) => {
    const { sectors, wavefronts, bytes, instructions } = costOf(source);
    expect({ sectors, wavefronts }).toEqual({ sectors: 1, wavefronts: expect.toBeOneOf([0, 1]) });
    expect(bytes).toBeLessThanOrEqual(mostBytes);
    expect(instructions).toBeLessThanOrEqual(mostInstructions);
  });

  test('a transposition reads whole sectors, half at a time, and writes whole ones', () => {
    const [rows, columns] = [128, 256];
    const turned = load(0, at(axis(1), columns, axis(0)));
    const source = program(
      'turned',
      [buffer(0, rows * columns, 'read'), buffer(1, rows * columns, 'write')],
      [
        loop(
          'turned',
          [columns, rows],
          phase([], { stores: [store(1, at(axis(0), rows, axis(1)), fn('neg', [turned]))] }),
        ),
      ],
    );
    const x = Float32Array.from({ length: rows * columns }, (_, i) => i);
    const { slots, work } = runProgram(source, target, [x, new Float32Array(rows * columns)]);
    expect([...(slots[1] as Float32Array)]).toEqual(
      Array.from({ length: rows * columns }, (_, i) => -((i % rows) * columns + Math.floor(i / rows))),
    );
    const [sectors, each] = [work['turned']?.globalSectors ?? 0, (rows * columns * 4) / 32];
    // Read twice, of which the second time from the first cache; written once.
    expect(sectors).toBe(3 * each);
  });

  test.each(dtypeNames)('functions of %s, whatever their result', (dtype) => {
    for (const kernel of functionsOf(dtype, 2048).kernels) {
      const one = { ...functionsOf(dtype, 2048), kernels: [kernel] };
      expect([kernel.name, costOf(one).sectors]).toEqual([kernel.name, 1]);
    }
  });
});
