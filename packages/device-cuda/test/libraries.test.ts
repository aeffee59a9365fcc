/**
 * Which products cuBLASLt is asked for, in which words: matrices column by column, transposed or not, batches at fixed distances, and the epilogues that give the
 * value that we mean. What it computes is `cublaslt.test.ts`.
 */
import type { Capabilities, DType, Expression, MatmulCandidate, MatmulKernel, Store } from '@torchlet/device';
import {
  at,
  axis,
  buffer,
  constant,
  fn,
  int,
  load,
  map,
  masked,
  matmul,
  program,
  result,
  store,
} from '@torchlet/device/by-hand';
import { describe, expect, it } from 'vitest';
import { generate } from '../src/generate.js';
import type { LibraryProduct, Step, Target } from '../src/generated.js';
import type { LibraryPlans } from '../src/libraries/library-step.js';
import { takesEpilogue, takesProduct } from '../src/libraries/product-step.js';

const capabilities = { alignment: 256 } as Capabilities;
const target: Target = {
  computeCapability: 80,
  multiprocessors: 16,
  sharedBytesPerBlock: 49152,
  matmulPrecision: 'highest',
  wgmma: 'off',
};
const [m, n, k] = [64, 48, 32];

/** A library that does what `takes` says, and numbers its plans. */
function library(takes: (product: LibraryProduct) => boolean = () => true): LibraryPlans {
  let plans = 0;
  return { planProduct: (product) => (takes(product) ? plans++ : null), planConvolution: () => null };
}

/** sum of axis * stride, and an offset. */
function index(strides: Readonly<Record<number, number>>, offset = 0): Expression {
  return Object.entries(strides).reduce<Expression>(
    (sum, [number, stride]) => fn('add', [sum, fn('mul', [axis(Number(number)), int(stride)])]),
    int(offset),
  );
}

function printed(step: Step): string {
  if (step.kind === 'launch') return `launch ${step.entry}`;
  if (step.kind === 'convolution') return `convolution by ${step.library}`;
  const { product, operands } = step;
  const slots = operands.map(({ argument, offset }) => {
    const base = argument.kind === 'slot' ? `s${argument.slot}` : argument.kind;
    return offset === 0 ? base : `${base} + ${offset} bytes`;
  });
  const matrices = product.matrices.map(
    ({ isTransposed, leading, batchOffset, alignment }) =>
      `${leading}${isTransposed ? ' transposed' : ''}${product.batch > 1 ? ` every ${batchOffset}` : ''}${alignment < 256 ? ` at ${alignment}` : ''}`,
  );
  const [a, b, c, d] = matrices.map((matrix, i) => `${slots[i]} (${matrix})`);
  const parts = [
    `${product.dtype}${product.precision === 'high' ? ' by TF32' : ''}, ${product.m} by ${product.n}, ${product.k} terms`,
    ...(product.batch === 1 ? [] : [`${product.batch} times`]),
  ];
  const factor = product.alpha === 1 ? '' : `${product.alpha} * `;
  const added = product.beta === 0 ? '' : ` + ${c}`;
  return `${parts.join(', ')}: ${d} = ${factor}${a} x ${b}${added}${slots[4] === undefined ? '' : ` + bias ${slots[4]}`}`;
}

interface Case {
  readonly shape?: readonly [number, number, number];
  readonly dtype?: DType;
  readonly parts?: Partial<MatmulKernel>;
  readonly library?: LibraryPlans;
}

/** The steps of one product, of 0 and 1 to 2, with 3 beside them. */
function stepsOf({ shape = [m, n, k], dtype = 'float32', parts = {}, library: asked = library() }: Case): string[] {
  const kernel = matmul('product', shape, {
    dtype,
    a: load(0, at(axis(0), shape[2], axis(2)), dtype),
    b: load(1, at(axis(2), shape[1], axis(1)), dtype),
    stores: [store(2, at(axis(0), shape[1], axis(1)), result(0, dtype))],
    claim: 'cuBLASLt',
    ...parts,
  });
  const most = 2 ** 20;
  const slots = [0, 1, 2, 3, 4].map((slot) => buffer(slot, most, 'readwrite', dtype));
  return generate('cuda', program('product', slots, [kernel]), capabilities, target, asked).steps.map(printed);
}

const natural = at(axis(0), n, axis(1));
const sum = (other: Expression, dtype: DType = 'float32'): Expression => fn('add', [result(0, dtype), other]);
const one = (value: Expression, to: Expression = natural): { stores: Store[] } => ({ stores: [store(2, to, value)] });

const asked: Readonly<Record<string, Case>> = {
  'row by row, which is the transpose column by column': {},
  'weights as linear has them': { parts: { b: load(1, at(axis(1), k, axis(2))) } },
  'a left factor that is transposed': { parts: { a: load(0, at(axis(2), m, axis(0))) } },
  'a result column by column': { parts: one(result(0), at(axis(1), m, axis(0))) },
  'parts of larger matrices': {
    parts: { a: load(0, index({ 0: 100, 2: 1 }, 3)), b: load(1, index({ 2: 200, 1: 1 }, 8)) },
  },
  TF32: { parts: { precision: 'high' } },
  bfloat16: { dtype: 'bfloat16' },
  float16: { dtype: 'float16' },
  float64: { dtype: 'float64' },
  'one row': { shape: [1, 48, 32] },
  'one column': { shape: [64, 1, 32] },
  'one term': { shape: [64, 48, 1] },
  'a bias along rows': { parts: one(sum(load(3, axis(1)))) },
  'a bias along columns of a result column by column': { parts: one(sum(load(3, axis(0))), at(axis(1), m, axis(0))) },
  'a matrix added': { parts: one(sum(load(3, natural))) },
  'a matrix added in place': { parts: one(sum(load(2, natural))) },
  'a constant factor': { parts: one(fn('mul', [result(0), constant(0.125)])) },
};

/** A batch of [5, 6]. */
const batch = { batch: [5, 6] };
const batched = (a: Expression, b: Expression, to: Expression): Case => ({
  parts: { ...batch, a: load(0, a), b: load(1, b), stores: [store(2, to, result(0))] },
});
const ofA = index({ 0: 6 * m * k, 1: m * k, 2: k, 4: 1 });
const ofB = index({ 0: 6 * k * n, 1: k * n, 4: n, 3: 1 });
const ofD = index({ 0: 6 * m * n, 1: m * n, 2: n, 3: 1 });

const askedOfBatches: Readonly<Record<string, Case>> = {
  'matrices one behind the other': batched(ofA, ofB, ofD),
  'one right factor for all: more rows': batched(ofA, index({ 4: n, 3: 1 }), ofD),
  'one left factor for all': batched(index({ 2: k, 4: 1 }), ofB, ofD),
  'one row each': {
    shape: [1, n, k],
    parts: {
      ...batch,
      a: load(0, index({ 0: 6 * k, 1: k, 4: 1 })),
      b: load(1, index({ 4: n, 3: 1 })),
      stores: [store(2, index({ 0: 6 * n, 1: n, 3: 1 }), result(0))],
    },
  },
};

const notAsked: Readonly<Record<string, Case>> = {
  integers: { dtype: 'int32' },
  'rows that overlap': { parts: { a: load(0, at(axis(0), 1, axis(2))) } },
  'a row that is there once': { parts: { a: load(0, axis(2)) } },
  'every other element': { parts: { a: load(0, index({ 0: 2 * k, 2: 2 })) } },
  'an index with a division': { parts: { a: load(0, fn('add', [fn('idiv', [axis(0), int(2)]), axis(2)])) } },
  'an operand with a mask': { parts: { a: masked(0, at(axis(0), k, axis(2)), fn('lt', [axis(0), int(60)]), 0) } },
  'an operand that is computed': { parts: { a: fn('neg', [load(0, at(axis(0), k, axis(2)))]) } },
  'a batch whose matrices are not evenly apart': batched(index({ 0: 7 * m * k, 1: m * k, 2: k, 4: 1 }), ofB, ofD),
  'no terms': { shape: [m, n, 0] },
  'no claim': { parts: { claim: null } },
  'a bias that is not aligned': {
    parts: one(sum(load(3, index({ 1: 1 }, 1)))),
    library: library(({ epilogue }) => epilogue !== 'none'),
  },
  'a library that refuses': { library: library(() => false) },
};

describe('cuBLASLt is asked for', () => {
  it.each(Object.entries(asked))('%s', (_, each) => expect(stepsOf(each)).toMatchSnapshot());
  it.each(Object.entries(askedOfBatches))('a batch: %s', (_, each) => expect(stepsOf(each)).toMatchSnapshot());
});

describe('the own kernel computes', () => {
  it.each(Object.entries(notAsked))('%s', (_, each) => {
    for (const line of stepsOf(each)) expect(line).toMatch(/^launch /);
  });
});

describe('what the library leaves', () => {
  const x = sum(load(3, axis(1)));
  it('is a kernel behind it, that reads what is there', () => {
    const parts = { stores: [store(2, natural, x), store(4, natural, fn('max', [x, constant(0)]))] };
    expect(stepsOf({ parts })).toMatchSnapshot();
  });

  it('decides which store is the product itself', () => {
    const parts = { stores: [store(4, natural, fn('max', [x, constant(0)])), store(2, natural, result(0))] };
    expect(stepsOf({ parts })).toMatchSnapshot();
  });

  it('may be the epilogue, where the library has none for it: the product goes to scratch memory', () => {
    const asks = library(({ epilogue }) => epilogue === 'none');
    expect(stepsOf({ parts: one(x), library: asks })).toMatchSnapshot();
  });

  describe('is a copy, where a long program', () => {
    /** The first steps of a program of six, of which `before` come before the product. */
    const long = (parts: Partial<MatmulKernel>, before: readonly number[] = [], size = 2 ** 20): string[] => {
      const slots = [0, 1, 2, 3, 4].map((slot) => buffer(slot, size));
      const reads = (slot: number) => map('reads', size, 4, load(slot, axis(0)));
      const kernel = matmul('product', [m, n, k], { ...parts, claim: 'cuBLASLt' });
      const kernels = [...before.map(reads), kernel, ...[0, 1, 2, 3, 2].map(reads)];
      const { steps } = generate('cuda', program('long', slots, kernels), capabilities, target, library());
      return steps.slice(before.length, before.length + 2).map(printed);
    };

    it('gives its result other memory at each run', () => expect(long(one(x))).toMatchSnapshot());
    it('but not where a second one would take much memory', () => {
      expect(long(one(x), [], 2 ** 20 + 1)).toMatchSnapshot();
    });
    it('but not where it has read what is there before', () => {
      expect(long(one(x), [2])).toMatchSnapshot();
      expect(long(one(sum(load(2, natural))))).toMatchSnapshot();
    });
  });

  it('is not read where the product has overwritten it', () => {
    const old = load(2, natural);
    const parts = { stores: [store(2, natural, sum(old)), store(4, natural, fn('mul', [old, constant(2)]))] };
    for (const line of stepsOf({ parts })) expect(line).toMatch(/^launch /);
  });
});

describe('a claim', () => {
  const candidate = (dtype: DType = 'float32'): MatmulCandidate => ({
    dtype,
    batch: [],
    m,
    n,
    k,
    a: load(0, at(axis(0), k, axis(2)), dtype),
    b: load(1, at(axis(2), n, axis(1)), dtype),
  });
  const takes = (value: Expression, dtype: DType = 'float32') => takesEpilogue(candidate(dtype), value, 0);
  const halfBias = load(3, axis(1), 'bfloat16');

  it('is made for what the library can describe', () => {
    expect(takesProduct(candidate())).toBe(true);
    expect(takesProduct({ ...candidate(), a: load(0, axis(2)) })).toBe(false);
    expect(takesProduct(candidate('int32'))).toBe(false);
  });

  it.each<[string, boolean, boolean]>([
    ['the product alone', takes(result(0)), true],
    ['a bias', takes(sum(load(3, axis(1)))), true],
    ['a bias, added the other way round', takes(fn('add', [load(3, axis(1)), result(0)])), true],
    ['a bias of float64', takes(sum(load(3, axis(1), 'float64'), 'float64'), 'float64'), true],
    ['a matrix', takes(sum(load(3, natural))), true],
    ['a constant factor', takes(fn('mul', [constant(0.3), result(0)])), true],
    ['halves alone', takes(result(0, 'bfloat16'), 'bfloat16'), true],
    // It would be rounded once, not twice.
    ['a bias of halves', takes(sum(halfBias, 'bfloat16'), 'bfloat16'), false],
    // NaN might be 0.
    ['ReLU', takes(fn('max', [result(0), constant(0)])), false],
    ['a bias, then a factor', takes(fn('mul', [sum(load(3, axis(1))), constant(2)])), false],
    ['a value for each row', takes(sum(load(3, axis(0)))), false],
    ['one number', takes(sum(load(3, int(0)))), false],
    ['a factor that is infinite', takes(fn('mul', [result(0), constant(Infinity)])), false],
    ['a factor that float32 has as infinite', takes(fn('mul', [result(0), constant(1e300)])), false],
    ['itself again', takes(fn('mul', [result(0), result(0)])), false],
    ['a cast', takes(fn('cast', [result(0)], 'bfloat16')), false],
  ])('with %s: %s', (_, taken, expected) => expect(taken).toBe(expected));
});
