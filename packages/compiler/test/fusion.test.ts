/** What fuses: for each idea of the schedule a graph, the kernels it must become, and its values against the reference. */
import type { Kernel, Program } from '@torchlet/device';
import * as g from '@torchlet/graph';
import { describe, expect, test } from 'vitest';
import { Planner } from '../src/index.js';
import { contents, evaluate, stored } from './evaluate.js';
import { Interpreter, type InterpreterOptions } from './interpret.js';
import { Random, randomData } from './random-graph.js';

/** Of float32 after a few sums of some dozen elements. */
const shortSums = 1e-5;

class Bench {
  readonly device: Interpreter;
  readonly planner: Planner;
  readonly random = new Random(23);
  constructor(options: InterpreterOptions = {}) {
    this.device = new Interpreter(options);
    this.planner = new Planner(this.device);
  }

  leaf(...shape: number[]): g.Node {
    return stored(this.device, randomData(this.random, g.sizeOf(shape), 'float32'), shape, 'float32');
  }

  indices(limit: number, ...shape: number[]): g.Node {
    const data = Int32Array.from({ length: g.sizeOf(shape) }, () => this.random.below(limit));
    return stored(this.device, data, shape, 'int32');
  }

  /** Checks the values of `outputs` and gives the program. */
  run(...outputs: g.Node[]): Program {
    const expected = g.evaluateReference(outputs, { read: (source) => contents(this.device, source) });
    evaluate(this.device, this.planner, outputs).forEach((data, i) => {
      expected[i]?.data.forEach((value, k) => {
        expect(Math.abs(Number(data[k]) - value)).toBeLessThanOrEqual(shortSums * Math.max(1, Math.abs(value)));
      });
    });
    return this.planner.plan(outputs).plan.program;
  }
}

const forms = ({ kernels }: Program) => kernels.map(({ kind }) => kind);
const like = (x: g.Node, value: number) => g.fullLike(x, value);
const along = (x: g.Node, shape: g.Shape) =>
  g.expand(g.reshape(x, [...shape.slice(1).map(() => 1), ...x.shape]), shape);

function phases(kernel: Kernel | undefined): number {
  return kernel?.kind === 'loop' ? kernel.phases.length : 0;
}

function softmax(x: g.Node, axis: number): g.Node {
  const shifted = g.sub(x, g.expand(g.reduce('reduceMax', x, [axis]), x.shape));
  const e = g.exp(shifted);
  return g.div(e, g.expand(g.reduce('reduceSum', e, [axis]), x.shape));
}

function layerNorm(x: g.Node, weight: g.Node, bias: g.Node): g.Node {
  const axis = x.shape.length - 1;
  const mean = (y: g.Node) => {
    const sum = g.reduce('reduceSum', y, [axis]);
    return g.mul(sum, like(sum, 1 / (x.shape[axis] as number)));
  };
  const centred = g.sub(x, g.expand(mean(x), x.shape));
  const variance = mean(g.mul(centred, centred));
  const rate = g.div(like(variance, 1), g.sqrt(g.add(variance, like(variance, 1e-5))));
  return g.add(g.mul(g.mul(centred, g.expand(rate, x.shape)), along(weight, x.shape)), along(bias, x.shape));
}

describe('element-wise work', () => {
  test('a chain is one kernel over one axis', () => {
    const b = new Bench();
    const x = b.leaf(6, 5);
    const gelu = g.mul(g.mul(x, like(x, 0.5)), g.add(g.unary('erf', g.mul(x, like(x, Math.SQRT1_2))), like(x, 1)));
    const { kernels } = b.run(gelu);
    expect(kernels).toMatchObject([{ kind: 'loop', axes: [30] }]);
  });

  test('movement costs no kernel', () => {
    const b = new Bench();
    const x = b.leaf(4, 6);
    const moved = g.flip(g.pad(g.permute(g.reshape(x, [2, 2, 6]), [2, 0, 1]), [0, 0, 1, 0, 0, 2], 3), [0]);
    expect(forms(b.run(g.neg(g.shrink(moved, [1, 0, 0], [4, 3, 3]))))).toEqual(['loop']);
  });

  test('a value that one kernel needs twice is computed once; a costly one that two kernels need is kept', () => {
    const b = new Bench();
    const x = b.leaf(3, 8);
    const costly = g.unary('tanh', g.exp(g.unary('sin', x)));
    const { arena } = b.run(
      g.reduce('reduceSum', costly, [0]),
      g.reduce('reduceMax', costly, [1]),
      g.flip(costly, [1]),
    );
    expect(arena.length).toBe(1);
    const cheap = g.add(x, like(x, 1));
    expect(b.run(g.reduce('reduceSum', cheap, [0]), g.reduce('reduceMax', cheap, [1])).arena).toEqual([]);
  });

  test('a small costly value is not computed for every element of a large one', () => {
    const b = new Bench();
    const t = b.leaf(1);
    const rate = g.binary('pow', like(t, 0.9), t);
    const { kernels } = b.run(g.mul(b.leaf(200), g.expand(rate, [200])));
    expect(kernels.map((kernel) => kernel.kind === 'loop' && kernel.axes)).toEqual([[], [200]]);
  });
});

describe('row kernels', () => {
  test.each([0, 1, 2])('softmax over axis %i', (axis) => {
    const b = new Bench();
    const { kernels } = b.run(softmax(b.leaf(3, 4, 5), axis));
    expect(kernels).toHaveLength(1);
    expect(phases(kernels[0])).toBe(3);
  });

  test('layer norm', () => {
    const b = new Bench();
    const { kernels } = b.run(layerNorm(b.leaf(2, 3, 6), b.leaf(6), b.leaf(6)));
    expect(kernels).toHaveLength(1);
    expect(kernels[0]).toMatchObject({ axes: [6] });
  });

  test('batch norm: reduced axes on both sides of the one that stays', () => {
    const b = new Bench();
    const x = b.leaf(3, 2, 4);
    const sum = g.reduce('reduceSum', x, [0, 2]);
    const centred = g.sub(x, g.expand(g.mul(sum, like(sum, 1 / 12)), x.shape));
    expect(b.run(centred).kernels).toMatchObject([{ kind: 'loop', axes: [2] }]);
  });

  test('independent reductions of one input share a pass', () => {
    const b = new Bench();
    const x = b.leaf(4, 5);
    const { kernels } = b.run(g.reduce('reduceSum', x, [0]), g.reduce('reduceMax', g.mul(x, x), [0]));
    expect(kernels).toHaveLength(1);
    expect(kernels[0]).toMatchObject({ phases: [{ reductions: [{}, {}] }, {}] });
  });

  test('an output that is reduced too is stored in the same pass', () => {
    const b = new Bench();
    const y = g.exp(b.leaf(4, 5));
    expect(b.run(y, g.reduce('reduceSum', y, [1])).kernels).toHaveLength(1);
  });

  test('a single long row keeps its element-wise part parallel', () => {
    const b = new Bench();
    const x = b.leaf(5000);
    const sum = g.reduce('reduceSum', g.mul(x, x), [0]);
    const { kernels } = b.run(g.mul(x, g.expand(g.div(like(sum, 1), sum), x.shape)));
    expect(kernels.map((kernel) => kernel.kind === 'loop' && kernel.axes)).toEqual([[], [5000]]);
  });
});

describe('products', () => {
  test('bias and activation are the epilogue; transposes, batches and heads are index maps', () => {
    const b = new Bench();
    const product = g.matmul(b.leaf(5, 4), g.permute(b.leaf(3, 4), [1, 0]));
    const biased = g.add(product, along(b.leaf(3), [5, 3]));
    expect(forms(b.run(g.binary('max', biased, like(biased, 0))))).toEqual(['matmul']);
    const heads = (x: g.Node) => g.permute(g.reshape(x, [2, 6, 3, 4]), [0, 2, 1, 3]);
    const scores = g.matmul(heads(b.leaf(2, 6, 12)), g.permute(heads(b.leaf(2, 6, 12)), [0, 1, 3, 2]));
    const mixed = g.matmul(softmax(scores, 3), heads(b.leaf(2, 6, 12)));
    expect(forms(b.run(g.reshape(g.permute(mixed, [0, 2, 1, 3]), [2, 6, 12])))).toEqual(['matmul', 'loop', 'matmul']);
  });

  test('a batch that one operand does not have becomes rows', () => {
    const b = new Bench();
    const weight = g.expand(g.reshape(b.leaf(4, 3), [1, 4, 3]), [2, 4, 3]);
    expect(b.run(g.matmul(b.leaf(2, 5, 4), weight)).kernels).toMatchObject([
      { kind: 'matmul', batch: [], m: 10, n: 3 },
    ]);
  });

  test('a product that would store along columns is computed transposed', () => {
    const b = new Bench();
    const product = g.matmul(b.leaf(5, 4), b.leaf(4, 3));
    expect(b.run(g.permute(product, [1, 0])).kernels).toMatchObject([{ kind: 'matmul', m: 3, n: 5 }]);
  });

  test('an operand that is computed is computed once', () => {
    const b = new Bench();
    expect(forms(b.run(g.matmul(g.exp(b.leaf(5, 4)), b.leaf(4, 3))))).toEqual(['loop', 'matmul']);
    const rows = g.expand(b.indices(9, 5, 1), [5, 4]);
    const gathered = g.gather(b.leaf(9, 4), rows, 0);
    const [x, y] = [g.matmul(gathered, b.leaf(4, 3)), g.matmul(g.permute(gathered, [1, 0]), b.leaf(5, 2))];
    expect(forms(b.run(x, y))).toEqual(['loop', 'matmul', 'matmul']);
  });

  test('what several derivatives of an activation need is stored once', () => {
    const b = new Bench();
    const product = g.matmul(b.leaf(48, 4), b.leaf(4, 32));
    const [e, t] = [g.unary('erf', product), g.exp(g.neg(g.mul(product, product)))];
    const out = g.matmul(g.mul(product, e), b.leaf(32, 2));
    const back = g.matmul(out, b.leaf(2, 32));
    const { kernels, arena } = b.run(g.add(g.mul(back, e), g.mul(g.mul(back, product), t)));
    expect(kernels.map(({ kind }) => kind)).toEqual(['matmul', 'matmul', 'matmul']);
    // The product and what the second product reads, not erf and exp as well.
    expect(arena.reduce((sum, bytes) => sum + bytes, 0)).toBe(4 * (2 * 48 * 32 + 48 * 2));
  });

  test('a convolution reads windows where the image lies', () => {
    const b = new Bench();
    const padded = g.pad(b.leaf(2, 3, 6, 6), [0, 0, 0, 0, 1, 1, 1, 1]);
    const windows = g.window(g.window(padded, 2, 3, 1, 1), 3, 3, 1, 1);
    const columns = g.reshape(g.permute(windows, [0, 2, 3, 1, 4, 5]), [2, 36, 27]);
    const filters = g.permute(g.reshape(b.leaf(4, 3, 3, 3), [4, 27]), [1, 0]);
    const product = g.matmul(columns, g.expand(g.reshape(filters, [1, 27, 4]), [2, 27, 4]));
    const image = g.reshape(g.permute(product, [0, 2, 1]), [2, 4, 6, 6]);
    const program = b.run(g.binary('max', image, like(image, 0)));
    expect(forms(program)).toEqual(['matmul']);
    expect(program.arena).toEqual([]);
  });
});

describe('scatter and cat', () => {
  test('one element a row into zeros is a comparison', () => {
    const b = new Bench();
    const zeros = g.full([4, 5], 0, 'float32');
    const hot = g.scatterAdd(zeros, b.indices(5, 4, 1), b.leaf(4, 1), 1);
    expect(forms(b.run(g.mul(hot, b.leaf(4, 5))))).toEqual(['loop']);
  });

  test('several add up in a scatter that what follows reads', () => {
    const b = new Bench();
    const summed = g.scatterAdd(b.leaf(3, 5), b.indices(5, 3, 8), g.exp(b.leaf(3, 8)), 1);
    expect(forms(b.run(g.neg(summed)))).toEqual(['loop', 'scatter', 'loop']);
  });

  test('parts are computed into their places; equal ones share a kernel', () => {
    const b = new Bench();
    const parts = [g.exp(b.leaf(2, 3)), b.leaf(2, 3), b.leaf(2, 1)];
    expect(forms(b.run(g.cat(parts, 1)))).toEqual(['loop', 'loop']);
  });
});

describe('limits', () => {
  test.each([3, 4, 6])('%i buffers a kernel', (buffersPerKernel) => {
    const b = new Bench({ capabilities: { buffersPerKernel } });
    let sum = b.leaf(3, 4);
    for (let i = 0; i < 10; i++) sum = g.add(g.mul(sum, b.leaf(3, 4)), b.leaf(3, 4));
    // The interpreter refuses a kernel with more.
    expect(b.run(sum).kernels.length).toBeGreaterThan(1);
  });

  test('segments no larger than a binding', () => {
    const b = new Bench({ capabilities: { bindingBytes: 256 } });
    const x = g.matmul(b.leaf(6, 8), b.leaf(8, 6));
    const y = g.matmul(b.leaf(6, 8), b.leaf(8, 6));
    const { arena } = b.run(g.matmul(x, y));
    expect(arena).toEqual([192, 192]);
  });
});
