/** Programs executed in plain JavaScript, one point at a time: what the emitted kernels are compared with. Owns the meaning only; it is slow. */
import {
  type Apply,
  bfloat16ToNumber,
  type DType,
  dtypes,
  type Expression,
  float16ToNumber,
  type HostArray,
  isFloat,
  type Kernel,
  numberToBfloat16,
  numberToFloat16,
  postorder,
  type Program,
  type Reduction,
  type Store,
} from '@torchlet/device';

type Scalar = number | bigint;

/** Error function by its Taylor series and continued fraction, to double precision. */
function erf(x: number): number {
  if (Number.isNaN(x)) return NaN;
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a < 3) {
    let [term, sum] = [x, x];
    for (let n = 1; n < 100; n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (a + fraction);
  return Math.sign(x) * (1 - Math.exp(-a * a) / ((a + fraction) * Math.sqrt(Math.PI)));
}

/** `value` as the dtype holds it. Halves are computed in float32 and rounded when stored or cast. */
function held(dtype: DType, value: Scalar): Scalar {
  switch (dtype) {
    case 'float32':
    case 'float16':
    case 'bfloat16':
      return Math.fround(Number(value));
    case 'float64':
      return Number(value);
    case 'int64':
      return BigInt.asIntN(64, BigInt(value));
    case 'int32':
      return typeof value === 'bigint' ? Number(BigInt.asIntN(32, value)) : value | 0;
    case 'int16':
      return (Number(typeof value === 'bigint' ? BigInt.asIntN(32, value) : value) << 16) >> 16;
    case 'int8':
      return (Number(typeof value === 'bigint' ? BigInt.asIntN(32, value) : value) << 24) >> 24;
    case 'uint8':
      return Number(typeof value === 'bigint' ? BigInt.asIntN(32, value) : value) & 0xff;
    case 'bool':
      return value ? 1 : 0;
  }
}

const ranges: Partial<Record<DType, [number, number]>> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  int16: [-(2 ** 15), 2 ** 15 - 1],
  int8: [-128, 127],
  uint8: [0, 255],
};

function cast(from: DType, to: DType, x: Scalar): Scalar {
  if (from === to) return x;
  if (to === 'bool') return x ? 1 : Number.isNaN(Number(x)) ? 1 : 0;
  if (to === 'float16') return float16ToNumber(numberToFloat16(Number(x)));
  if (to === 'bfloat16') return bfloat16ToNumber(numberToBfloat16(Number(x)));
  if (isFloat(to)) return held(to, to === 'float32' ? roundedToFloat32(x) : Number(x));
  if (!isFloat(from)) return held(to, x);
  const value = Number(x);
  if (Number.isNaN(value)) return held(to, 0);
  if (to === 'int64') {
    if (value >= 2 ** 63) return 2n ** 63n - 1n;
    if (value <= -(2 ** 63)) return -(2n ** 63n);
    return BigInt(Math.trunc(value));
  }
  const [least, most] = ranges[to] ?? [0, 0];
  return Math.min(most, Math.max(least, Math.trunc(value)));
}

/** An int64 rounded once. */
function roundedToFloat32(x: Scalar): number {
  if (typeof x === 'number') return Math.fround(x);
  const near = Math.fround(Number(x));
  if (Math.abs(near) < 2 ** 53) return near;
  // Rounding through float64 may move a tie: choose among the neighbours.
  const step = 2 ** (Math.floor(Math.log2(Math.abs(near))) - 23);
  const size = (candidate: number) => {
    const difference = BigInt(candidate) - x;
    return difference < 0n ? -difference : difference;
  };
  return [near - step, near + step].reduce(
    (best, candidate) => (size(Math.fround(candidate)) < size(best) ? Math.fround(candidate) : best),
    near,
  );
}

function exact(fn: Apply['fn'], [x, y]: readonly number[]): number {
  const [a, b] = [x as number, y as number];
  switch (fn) {
    case 'sqrt':
      return Math.sqrt(a);
    case 'exp':
      return Math.exp(a);
    case 'expm1':
      return Math.expm1(a);
    case 'log':
      return Math.log(a);
    case 'log1p':
      return Math.log1p(a);
    case 'sin':
      return Math.sin(a);
    case 'cos':
      return Math.cos(a);
    case 'atan':
      return Math.atan(a);
    case 'tanh':
      return Math.tanh(a);
    case 'erf':
      return erf(a);
    case 'floor':
      return Math.floor(a);
    case 'div':
      return a / b;
    case 'pow':
      return a === 1 ? 1 : Math.abs(a) === 1 && Math.abs(b) === Infinity ? 1 : a ** b;
    default:
      throw new Error(`${fn} is no function of floats`);
  }
}

function integer(fn: Apply['fn'], dtype: DType, x: bigint, y: bigint): bigint {
  switch (fn) {
    case 'idiv':
      return y === 0n ? 0n : x / y;
    case 'mod':
      return y === 0n ? x : x % y;
    case 'and':
      return x & y;
    case 'or':
      return x | y;
    case 'xor':
      return x ^ y;
    case 'shl':
      return x << y;
    case 'shr':
      return x >> y;
    case 'add':
      return dtype === 'bool' ? x | y : x + y;
    case 'sub':
      return dtype === 'bool' ? x ^ y : x - y;
    case 'mul':
      return x * y;
    case 'floor':
      return x;
    default:
      throw new Error(`${fn} is no function of integers`);
  }
}

function maximum(x: Scalar, y: Scalar): Scalar {
  if (Number.isNaN(Number(x)) || Number.isNaN(Number(y))) return NaN;
  if (x === 0 && y === 0) return Object.is(x, -0) ? y : x;
  return x > y ? x : y;
}

function apply({ fn, dtype, args }: Apply, values: readonly Scalar[]): Scalar {
  const [x, y, z] = values as [Scalar, Scalar, Scalar];
  const operand = (args[args.length - 1] as Expression).dtype;
  switch (fn) {
    case 'where':
      return x ? y : z;
    case 'cast':
      return cast(operand, dtype, x);
    case 'lt':
      return x < y ? 1 : 0;
    case 'eq':
      return x === y ? 1 : 0;
    case 'max':
      return maximum(x, y);
    case 'neg':
      return held(dtype, -x);
  }
  if (!isFloat(dtype)) {
    const out = integer(fn, dtype, BigInt(x), BigInt(y ?? 0));
    return held(dtype, dtype === 'int64' ? out : BigInt.asIntN(64, out));
  }
  if (fn === 'add') return held(dtype, (x as number) + (y as number));
  if (fn === 'sub') return held(dtype, (x as number) - (y as number));
  if (fn === 'mul') return held(dtype, (x as number) * (y as number));
  return held(dtype, exact(fn, values as number[]));
}

/** An element as a scalar. */
export function element(dtype: DType, array: HostArray, index: number): Scalar {
  const bits = array[index];
  if (bits === undefined) throw new RangeError(`index ${index} is outside [0, ${array.length})`);
  if (dtype === 'float16') return float16ToNumber(Number(bits));
  if (dtype === 'bfloat16') return bfloat16ToNumber(Number(bits));
  return bits;
}

export function setElement(dtype: DType, array: HostArray, index: number, value: Scalar): void {
  if (!(index >= 0 && index < array.length)) throw new RangeError(`index ${index} is outside [0, ${array.length})`);
  const bits =
    dtype === 'float16'
      ? numberToFloat16(Number(value))
      : dtype === 'bfloat16'
        ? numberToBfloat16(Number(value))
        : value;
  (array as unknown as Record<number, Scalar>)[index] = bits;
}

class Machine {
  readonly #program: Program;
  readonly #slots: readonly HostArray[];
  readonly #scalars: readonly Scalar[];
  readonly #results = new Map<number, Scalar>();

  constructor(program: Program, slots: readonly HostArray[], scalars: readonly Scalar[]) {
    this.#program = program;
    this.#slots = slots;
    this.#scalars = scalars;
  }

  run(kernel: Kernel): void {
    switch (kernel.kind) {
      case 'loop':
        for (const point of pointsOf(kernel.axes)) {
          for (const phase of kernel.phases) {
            const inner = [...pointsOf(phase.lengths)].map((rest) => [...point, ...rest]);
            for (const reduction of phase.reductions) {
              const terms = inner.map((at) => this.#values([reduction.of], at)[0] as Scalar);
              this.#results.set(reduction.id, this.#reduce(reduction, terms));
            }
            for (const at of inner) this.#store(phase.stores, at);
          }
        }
        return;
      case 'matmul': {
        const of: Expression = { kind: 'apply', dtype: kernel.dtype, fn: 'mul', args: [kernel.a, kernel.b] };
        for (const point of pointsOf([...kernel.batch, kernel.m, kernel.n])) {
          const terms = [...pointsOf([kernel.k])].map((rest) => this.#values([of], [...point, ...rest])[0] as Scalar);
          this.#results.set(
            kernel.result,
            this.#reduce({ id: kernel.result, combine: 'sum', dtype: kernel.dtype, of }, terms),
          );
          this.#store(kernel.stores, point);
        }
        return;
      }
      case 'scatter':
        for (const point of pointsOf(kernel.axes)) {
          const [index, value] = this.#values([kernel.index, kernel.value], point) as [Scalar, Scalar];
          if (index < 0 || index >= kernel.length) continue;
          const place = kernel.strides.reduce(
            (sum, stride, i) => sum + stride * (i === kernel.axis ? Number(index) : (point[i] as number)),
            kernel.offset,
          );
          const slot = this.#slots[kernel.slot] as HostArray;
          const { dtype } = kernel.value;
          const sum = apply({ kind: 'apply', dtype, fn: 'add', args: [kernel.value, kernel.value] }, [
            element(dtype, slot, place),
            value,
          ]);
          setElement(dtype, slot, place, sum);
        }
        return;
      case 'custom':
        throw new Error('custom kernels have no meaning here');
    }
  }

  #reduce({ combine, dtype }: Reduction, terms: readonly Scalar[]): Scalar {
    const least = isFloat(dtype) ? -Infinity : dtype === 'int64' ? -(2n ** 63n) : (ranges[dtype]?.[0] ?? 0);
    const start = combine === 'max' ? least : combine === 'sum' ? 0 : 1;
    const fn = ({ sum: 'add', max: 'max', prod: 'mul' } as const)[combine];
    const typed = { kind: 'constant', dtype, value: 0 } as const;
    // Floats are summed in double precision: the kernels' order is their own.
    if (isFloat(dtype)) {
      const combined = terms
        .map(Number)
        .reduce(
          (sum, term) => (fn === 'add' ? sum + term : fn === 'mul' ? sum * term : Number(maximum(sum, term))),
          Number(start),
        );
      return held(dtype, combined);
    }
    return terms.reduce(
      (sum, term) => apply({ kind: 'apply', dtype, fn, args: [typed, typed] }, [sum, term]),
      held(dtype, start),
    );
  }

  #store(stores: readonly Store[], point: readonly number[]): void {
    const writes = stores.map(({ slot, index, value, mask }) => {
      const roots = mask === null ? [index, value] : [mask, index, value];
      const values = this.#values(roots, point);
      if (mask !== null && !values.shift()) return () => {};
      const [at, stored] = values as [Scalar, Scalar];
      return () => setElement(value.dtype, this.#slots[slot] as HostArray, Number(at), stored);
    });
    for (const write of writes) write();
  }

  #values(roots: readonly Expression[], point: readonly number[]): Scalar[] {
    const known = new Map<Expression, Scalar>();
    for (const expression of postorder(roots)) known.set(expression, this.#value(expression, known, point));
    return roots.map((root) => known.get(root) as Scalar);
  }

  #value(expression: Expression, known: ReadonlyMap<Expression, Scalar>, point: readonly number[]): Scalar {
    switch (expression.kind) {
      case 'constant':
        return held(expression.dtype, expression.value);
      case 'axis':
        return point[expression.axis] as number;
      case 'scalar':
        return cast('float64', 'float64', held(expression.dtype, this.#scalars[expression.slot] as Scalar));
      case 'result':
        return this.#results.get(expression.id) as Scalar;
      case 'load': {
        if (expression.mask !== null && !known.get(expression.mask))
          return held(expression.dtype, expression.otherwise);
        const slot = this.#slots[expression.slot] as HostArray;
        return element(this.#program.slots[expression.slot]?.dtype as DType, slot, Number(known.get(expression.index)));
      }
      case 'apply':
        return apply(
          expression,
          expression.args.map((arg) => known.get(arg) as Scalar),
        );
    }
  }
}

function* pointsOf(lengths: readonly number[]): Iterable<number[]> {
  const size = lengths.reduce((product, length) => product * length, 1);
  for (let flat = 0; flat < size; flat++) {
    const point: number[] = [];
    let rest = flat;
    for (let i = lengths.length - 1; i >= 0; i--) {
      const length = lengths[i] as number;
      point[i] = rest % length;
      rest = Math.floor(rest / length);
    }
    yield point;
  }
}

/** Runs `program` on one array per slot, in place. */
export function interpret(program: Program, slots: readonly HostArray[], scalars: readonly Scalar[]): void {
  const machine = new Machine(program, slots, scalars);
  for (const kernel of program.kernels) machine.run(kernel);
}

/** Fresh zeros for every slot. */
export function zerosFor(program: Program): HostArray[] {
  return program.slots.map((slot) => dtypes[slot.dtype].zeros(slot.size));
}
