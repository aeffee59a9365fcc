/**
 * Random kernels of every form, with random shapes, dtypes, strides, masks and index arithmetic that stay within their slots. Owns the
 * generation; `fuzz.test.ts` runs them.
 */
import {
  type DType,
  type Expression,
  isFloat,
  type Kernel,
  type LoopKernel,
  type MatmulKernel,
  type Phase,
  type Program,
  type ScalarFunction,
  type ScatterKernel,
  type Store,
} from '@torchlet/device';
import { affine, axis, castTo, constant, fn, load, programOf, result, store, strides } from './build.js';

const lengths = [1, 2, 3, 4, 5, 7, 8, 12, 17, 33];
const dtypesOfValues: readonly DType[] = [
  'float32',
  'float32',
  'float32',
  'float64',
  'int32',
  'int64',
  'float16',
  'bfloat16',
  'int16',
  'int8',
  'uint8',
  'bool',
];

const floatUnary: readonly ScalarFunction[] = ['neg', 'exp', 'tanh', 'sin', 'cos', 'erf', 'atan', 'expm1'];
const floatBinary: readonly ScalarFunction[] = ['add', 'sub', 'mul', 'max'];
const integerBinary: readonly ScalarFunction[] = ['add', 'sub', 'mul', 'max', 'idiv', 'mod', 'and', 'or', 'xor'];
const boolBinary: readonly ScalarFunction[] = ['add', 'mul', 'max', 'and', 'or', 'xor'];

type Plain = Exclude<ScalarFunction, 'cast'>;

export class RandomPrograms {
  readonly #random: () => number;
  readonly #slots: [DType, number][] = [];
  readonly #scalars: DType[] = [];
  /** Elements that an earlier phase of the kernel stored at the same point, by their inner lengths. */
  readonly #written: { readonly load: Expression; readonly inner: string }[] = [];
  #inner = '';

  constructor(random: () => number) {
    this.#random = random;
  }

  program(): Program {
    this.#slots.length = 0;
    this.#scalars.length = 0;
    this.#written.length = 0;
    const kernel = this.#pick<() => Kernel>([
      () => this.#loop(),
      () => this.#loop(),
      () => this.#loop(),
      () => this.#matmul(),
      () => this.#scatter(),
    ])();
    return programOf([kernel], this.#slots, this.#scalars);
  }

  #integer(below: number): number {
    return Math.floor(this.#random() * below);
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#integer(items.length)] as T;
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }

  #axes(most: number): number[] {
    const axes = Array.from({ length: this.#integer(most + 1) }, () => this.#pick(lengths));
    while (axes.reduce((size, length) => size * length, 1) > 150) axes.pop();
    if (this.#chance(0.02) && axes.length > 0) axes[0] = 0;
    return axes;
  }

  #slot(dtype: DType, size: number): number {
    return this.#slots.push([dtype, Math.max(1, size)]) - 1;
  }

  /** A load over the axes `extents`: permuted, broadcast, offset, flipped, or reshaped by quotients. */
  #load(dtype: DType, extents: readonly number[]): Expression {
    const order = extents.map((_, i) => i).sort(() => this.#random() - 0.5);
    const sorted = this.#chance(0.6) ? extents.map((_, i) => i) : order;
    const own = extents.map(() => 0);
    let size = 1;
    for (const i of [...sorted].reverse()) {
      if (this.#chance(0.2)) continue;
      own[i] = size * (this.#chance(0.1) ? 2 : 1);
      size = (own[i] as number) * (extents[i] as number);
    }
    const offset = this.#integer(3);
    let index: Expression = affine(own, offset);
    if (this.#chance(0.1) && size > 0) index = fn('sub', constant('int32', size + 2 * offset), index);
    if (this.#chance(0.15)) {
      const divisor = this.#pick([2, 3, 4, 5]);
      const flat = affine(strides(extents));
      const rows = fn('mod', flat, constant('int32', divisor));
      index = fn(
        'add',
        fn('mul', rows, constant('int32', 50)),
        fn('mod', fn('idiv', flat, constant('int32', divisor)), constant('int32', 50)),
      );
      size = divisor * 50;
    }
    if (this.#chance(0.1)) {
      const picked = this.#slot(this.#pick(['int32', 'int64']), 11);
      const dtypeOfIndex = (this.#slots[picked] as [DType, number])[0];
      const which = fn(
        'and',
        load(dtypeOfIndex, picked, fn('mod', affine(strides(extents)), constant('int32', 11))),
        constant(dtypeOfIndex, dtypeOfIndex === 'int64' ? 7n : 7),
      );
      index = fn('add', index, castTo('int32', which));
      size += 8;
    }
    const slot = this.#slot(dtype, size + 2 * offset + 1);
    if (!this.#chance(0.2) || extents.length === 0) return load(dtype, slot, index);
    const shifted = this.#integer(extents.length);
    const position = fn('sub', axis(shifted), constant('int32', this.#integer(4)));
    const mask = fn(
      'and',
      fn('lt', constant('int32', -1), position),
      fn('lt', position, constant('int32', Math.max(1, (extents[shifted] as number) - 1))),
    );
    const masked = this.#chance(0.5)
      ? fn('and', mask, fn('lt', affine(strides(extents)), constant('int32', 40)))
      : mask;
    return load(dtype, slot, fn('max', index, constant('int32', 0)), masked, this.#chance(0.5) ? 0 : 1);
  }

  #leaf(dtype: DType, extents: readonly number[], results: readonly [DType, number][]): Expression {
    const own = results.filter(([of]) => of === dtype);
    if (own.length > 0 && this.#chance(0.4)) {
      const [of, id] = this.#pick(own);
      return result(of, id);
    }
    const readable = this.#written.filter(({ load, inner }) => load.dtype === dtype && inner === this.#inner);
    if (readable.length > 0 && this.#chance(0.5)) return this.#pick(readable).load;
    if (this.#chance(0.15)) return constant(dtype, dtype === 'int64' ? 3n : dtype === 'bool' ? 1 : this.#integer(5));
    if (this.#chance(0.1)) return { kind: 'scalar', dtype, slot: this.#scalars.push(dtype) - 1 };
    if (dtype === 'int32' && extents.length > 0 && this.#chance(0.3)) return axis(this.#integer(extents.length));
    return this.#load(dtype, extents);
  }

  #value(dtype: DType, extents: readonly number[], results: readonly [DType, number][], depth: number): Expression {
    const deeper = (of: DType) => this.#value(of, extents, results, depth - 1);
    if (depth === 0 || this.#chance(0.2)) return this.#leaf(dtype, extents, results);
    if (this.#chance(0.15)) return castTo(dtype, deeper(this.#pick(dtypesOfValues)));
    if (this.#chance(0.15)) return fn('where', deeper('bool'), deeper(dtype), deeper(dtype));
    if (dtype === 'bool' && this.#chance(0.5)) {
      const of = this.#pick(dtypesOfValues.filter((name) => name !== 'bool'));
      return fn(this.#pick<Plain>(['lt', 'eq']), deeper(of), deeper(of));
    }
    if (isFloat(dtype)) {
      // Only of numbers that are exact in both: beside a whole number, rounding would decide.
      if (this.#chance(0.1)) return fn('floor', fn('mul', this.#leaf(dtype, extents, []), constant(dtype, 1.5)));
      if (this.#chance(0.4)) return fn(this.#pick(floatUnary) as Plain, this.#bounded(dtype, deeper(dtype)));
      return fn(this.#pick(floatBinary) as Plain, deeper(dtype), deeper(dtype));
    }
    if (dtype !== 'bool' && this.#chance(0.15)) {
      const amount = this.#chance(0.5)
        ? constant(dtype, dtype === 'int64' ? 3n : 3)
        : fn('and', deeper(dtype), constant(dtype, dtype === 'int64' ? 7n : 7));
      return fn(this.#pick<Plain>(['shl', 'shr']), deeper(dtype), amount);
    }
    return fn(this.#pick(dtype === 'bool' ? boolBinary : integerBinary) as Plain, deeper(dtype), deeper(dtype));
  }

  /** Keeps arguments of growing functions small, so that rounding can be compared. */
  #bounded(dtype: DType, x: Expression): Expression {
    return fn('tanh', fn('mul', x, constant(dtype, 0.5)));
  }

  #store(extents: readonly number[], dtype: DType, value: Expression): Store {
    const order = this.#chance(0.7)
      ? extents.map((_, i) => i)
      : extents.map((_, i) => i).sort(() => this.#random() - 0.5);
    const own = extents.map(() => 0);
    let size = 1;
    for (const i of [...order].reverse()) {
      own[i] = size;
      size *= extents[i] as number;
    }
    const slot = this.#slot(dtype, size + 3);
    const mask = this.#chance(0.2) ? this.#value('bool', extents, [], 1) : null;
    const index = affine(own, this.#integer(3));
    // Now and then an update in place.
    const stored = this.#chance(0.2) ? fn(dtype === 'bool' ? 'or' : 'add', load(dtype, slot, index), value) : value;
    return store(slot, index, stored, mask);
  }

  #loop(): LoopKernel {
    const axes = this.#axes(3);
    const phases: Phase[] = [];
    const results: [DType, number][] = [];
    const shared = this.#axes(2);
    for (let count = 1 + this.#integer(3); count > 0; count--) {
      const inner = this.#chance(0.4) ? [] : this.#chance(0.7) ? shared : this.#axes(2);
      const extents = [...axes, ...inner];
      this.#inner = inner.join();
      const before = [...results];
      const dtype = this.#pick(dtypesOfValues);
      const reductions = this.#chance(0.6)
        ? Array.from({ length: 1 + this.#integer(2) }, () => {
            const of = this.#value(dtype, extents, before, 2);
            results.push([dtype, results.length]);
            return {
              id: results.length - 1,
              combine: this.#pick(['sum', 'max', isFloat(dtype) ? 'sum' : 'prod'] as const),
              dtype,
              of,
            };
          })
        : [];
      const stores = Array.from({ length: this.#integer(3) }, () => {
        const stored = this.#pick(dtypesOfValues);
        return this.#store(extents, stored, this.#value(stored, extents, before, 3));
      });
      phases.push({ lengths: inner, reductions, stores });
      for (const { slot, index, value } of stores)
        this.#written.push({ load: load(value.dtype, slot, index), inner: inner.join() });
    }
    this.#written.length = 0;
    for (const [dtype, id] of results) {
      phases.push({ lengths: [], reductions: [], stores: [this.#store(axes, dtype, result(dtype, id))] });
    }
    return { kind: 'loop', name: 'loop', axes, phases };
  }

  #matmul(): MatmulKernel {
    const batch = this.#chance(0.3) ? [this.#pick([1, 2, 3])] : [];
    const [m, n, k] = [this.#pick(lengths), this.#pick(lengths), this.#pick(lengths)];
    const dtype = this.#pick<DType>(['float32', 'float32', 'float64', 'int32', 'int64', 'float16', 'int8', 'bool']);
    const rank = batch.length;
    const b = batch.map((_, i) => i);
    const operand = (axes: readonly number[], sizes: readonly number[]): Expression => {
      const order = this.#chance(0.5) ? sizes.map((_, i) => i) : [...b, rank + 1, rank];
      const own = Array.from({ length: rank + 3 }, () => 0);
      let size = 1;
      for (const i of [...order].reverse()) {
        own[axes[i] as number] = size;
        size *= sizes[i] as number;
      }
      return load(dtype, this.#slot(dtype, size), affine(own));
    };
    const a = operand([...b, rank, rank + 2], [...batch, m, k]);
    const right = operand([...b, rank + 2, rank + 1], [...batch, k, n]);
    const extents = [...batch, m, n];
    const value = this.#chance(0.5)
      ? result(dtype, 0)
      : fn('add', result(dtype, 0), this.#value(dtype, extents, [], 2));
    return {
      kind: 'matmul',
      name: 'matmul',
      batch,
      m,
      n,
      k,
      a,
      b: right,
      dtype,
      result: 0,
      stores: [this.#store(extents, dtype, value)],
      claim: null,
    };
  }

  #scatter(): ScatterKernel {
    const axes = this.#axes(3);
    if (axes.length === 0) axes.push(this.#pick(lengths));
    const dtype = this.#pick<DType>(['float32', 'float64', 'int32', 'int64', 'uint8']);
    const along = this.#integer(axes.length);
    const length = this.#pick(lengths);
    const shape = axes.map((size, i) => (i === along ? length : size));
    const slot = this.#slot(dtype, shape.reduce((size, one) => size * one, 1) + 2);
    const extents = this.#chance(0.5) ? axes : axes.slice(0, along + 1);
    const index = this.#load(this.#pick(['int32', 'int64']), extents);
    const wide = index.dtype === 'int64' ? 15n : 15;
    return {
      kind: 'scatter',
      name: 'scatter',
      axes,
      axis: along,
      length,
      index: fn(
        'sub',
        fn('and', index, constant(index.dtype, wide)),
        constant(index.dtype, index.dtype === 'int64' ? 2n : 2),
      ),
      value: this.#value(dtype, axes, [], 2),
      slot,
      strides: strides(shape),
      offset: 1,
    };
  }
}
