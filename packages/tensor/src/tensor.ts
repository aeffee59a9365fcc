/**
 * Tensor: what users hold. Every operation is one line over `ops/`; names and arguments are PyTorch's
 * (https://pytorch.org/docs/stable/tensors.html), with options in an object. Shapes and dtypes are checked when an operation is recorded;
 * values are computed when asked for. What a tensor is beneath is in `handle.ts`. Longer than other files because it is a list: one method an
 * operation, no logic.
 */
import { type Device, type DType, dtypes } from '@torchlet/device';
import { cast, type Node, marker, type Shape, sizeOf } from '@torchlet/graph';
import { describe } from './describe.js';
import { DifferentiableTensor } from './differentiable.js';
import { hostDataOf, type View } from './handle.js';
import * as arithmetic from './ops/arithmetic.js';
import { wide } from './ops/autocasting.js';
import * as comparison from './ops/comparison.js';
import * as functions from './ops/functions.js';
import * as arrangement from './ops/arrangement.js';
import * as indexing from './ops/indexing.js';
import { isContiguous, layoutOf } from './ops/layout.js';
import { matmul, mm } from './ops/matmul.js';
import * as movement from './ops/movement.js';
import { norm } from './ops/norm.js';
import type { Dims, NodeOperand } from './ops/operands.js';
import * as reduction from './ops/reduction.js';
import { cumulative } from './ops/scan.js';
import * as sorting from './ops/sorting.js';
import { flatData, nested, type NestedArray, numberAt, type ReadableArray, singleNumber } from './host-values.js';
import type { PlainNumber } from './promotion.js';
import { runtimeOf } from './runtime/devices.js';
import type { Runtime } from './runtime/runtime.js';
import type { Storage } from './runtime/storage.js';

/** A tensor or a plain number. */
export type Operand = Tensor | PlainNumber;
export type Index = indexing.IndexItem<Tensor>;

/** Elements with their positions along a dim: by name, or one after the other, `const [values, indices] = x.topk(5)`. */
export interface Ordered extends Iterable<Tensor> {
  readonly values: Tensor;
  readonly indices: Tensor;
}

export function ordered(values: Tensor, indices: Tensor): Ordered {
  return { values, indices, [Symbol.iterator]: () => [values, indices].values() };
}

export interface SortOptions {
  /** Largest first. Default false. */
  readonly descending?: boolean;
  /** Equal elements keep their order here anyway. */
  readonly stable?: boolean;
}

export interface TopkOptions {
  /** The smallest with false. Default true. */
  readonly largest?: boolean;
  /** They are sorted here anyway. */
  readonly sorted?: boolean;
}

/** A dim, by default the last, and options, which may come alone. */
export type OfLastDim<Options> = readonly [dim?: number | Options, options?: Options];

function lastDim<Options extends object>([dim = -1, options]: OfLastDim<Options>): [number, Options] {
  return typeof dim === 'number' ? [dim, options ?? ({} as Options)] : [-1, dim];
}

const nodeOrNumber = (x: Operand): Node | PlainNumber => (x instanceof Tensor ? x.node : x);
/** Arguments of an operation on nodes as users give them: tensors. */
type OfTensors<Args extends readonly unknown[]> = { [I in keyof Args]: OfTensor<Args[I]> };
type OfTensor<Arg> = Arg extends Node ? Tensor : Arg;

function nodesOf<Args extends readonly unknown[]>(args: readonly unknown[]): Args {
  return args.map((arg) => (arg instanceof Tensor ? arg.node : arg)) as readonly unknown[] as Args;
}

const lengthsOf = (shape: readonly (number | readonly number[])[]): number[] => shape.flat() as number[];

/** The method that Node's console.log calls. */
const inspect: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never;

export class Tensor extends DifferentiableTensor {
  protected override wrap(node: Node, runtime: Runtime | null, view: View | null = null): Tensor {
    return new Tensor(node, runtime, view);
  }

  /** Records `op`; the nodes of tensors among `args` take their places. */
  #op<Args extends readonly unknown[]>(op: (x: Node, ...args: Args) => Node, ...args: OfTensors<Args>): Tensor {
    return this.record(op(this.node, ...nodesOf<Args>(args)), args) as Tensor;
  }

  /** The same in place, for the method `name`. */
  #into<Args extends readonly unknown[]>(
    name: string,
    op: (x: Node, ...args: Args) => Node,
    ...args: OfTensors<Args>
  ): this {
    return this.write(name, op(this.node, ...nodesOf<Args>(args)));
  }

  #viewBy(derive: (x: Node) => Node, writeBack?: (base: Node, value: Node) => Node): Tensor {
    return this.recordView(derive, writeBack ?? ((base, value) => indexing.setThrough(base, derive, value))) as Tensor;
  }

  // What it is.

  get ndim(): number {
    return this.shape.length;
  }

  /** Alias of `ndim`, as PyTorch's `dim()`. */
  dim(): number {
    return this.shape.length;
  }

  /** Number of elements. */
  numel(): number {
    return sizeOf(this.shape);
  }

  /** The shape, or the length of `dim`. */
  size(): Shape;
  size(dim: number): number;
  size(dim?: number): Shape | number {
    if (dim === undefined) return this.shape;
    const length = this.shape[dim < 0 ? dim + this.shape.length : dim];
    if (length === undefined) throw new RangeError(`size: expected a dim of ${describe(this)}, got ${dim}`);
    return length;
  }

  /** The gradient that `backward()` accumulated here, or null. Reading its values before `step()` costs nothing twice. */
  get grad(): Tensor | null {
    return this.gradient as Tensor | null;
  }

  set grad(grad: Tensor | null) {
    this.gradient = grad;
  }

  // Reading. All of these wait for the device.

  /** The value of a tensor of one element. Bool gives 1 or 0. @throws TypeError for any other number of elements. */
  item(): Promise<number> {
    return this.promise(async () => singleNumber(this.dtype, this.shape, await this.elements()), 'x.item()');
  }

  /** The elements in row-major order, in a fresh array: halves as float32, bool as 0 and 1, int64 as bigints. */
  data(): Promise<ReadableArray> {
    return this.promise(async () => flatData(this.dtype, await this.elements()), 'x.data()');
  }

  /** Nested arrays of numbers (booleans for bool; a bigint where an int64 is beyond 2^53), or one for 0 dims. */
  array(): Promise<NestedArray> {
    return this.promise(async () => nested(this.dtype, this.shape, await this.elements()), 'x.array()');
  }

  /** The values as PyTorch prints them. */
  override toString(): Promise<string> {
    return this.promise(async () => {
      const elements = await this.elements();
      const { printValues } = await import('./print.js');
      return printValues(this, dtypes[this.dtype].kind, (i) => numberAt(this.dtype, elements, i));
    }, 'x.toString()');
  }

  /** What `console.log` shows: shape, dtype and device, and whether it is evaluated. Values need an `await`. */
  [inspect](): string {
    return describe(this);
  }

  // Where it is and what it is part of.

  /** Of another dtype, or on another device. Values on a device whose memory the host cannot address must be read first. */
  to(target: DType | Device): Tensor {
    if (typeof target === 'string') return target === this.dtype ? this : this.#op(cast, target);
    const runtime = runtimeOf(target);
    if (this.runtime === runtime) return this;
    const { node } = this;
    const source = node.source as Storage | null;
    if (source?.kind === 'host' && this.runtime === null) return this.wrap(node, runtime);
    return this.wrap(movedTo(this, runtime), runtime);
  }

  /** Moves this very tensor, a parameter for instance, to another device. */
  to_(device: Device): this {
    return this.relocate(runtimeOf(device));
  }

  float(): Tensor {
    return this.to('float32');
  }

  double(): Tensor {
    return this.to('float64');
  }

  half(): Tensor {
    return this.to('float16');
  }

  bfloat16(): Tensor {
    return this.to('bfloat16');
  }

  long(): Tensor {
    return this.to('int64');
  }

  int(): Tensor {
    return this.to('int32');
  }

  bool(): Tensor {
    return this.to('bool');
  }

  typeAs(other: Tensor): Tensor {
    return this.to(other.dtype);
  }

  /** The same values without their history; shares them, so writes show in both. */
  detach(): Tensor {
    return this.#viewBy(
      (x) => marker('detach', x),
      (_, value) => value,
    );
  }

  /** A copy of its own, that later writes do not change. */
  clone(): Tensor {
    return this.#op((x) => marker('copy', x));
  }

  contiguous(): Tensor {
    return this;
  }

  /** Elements to skip for one step along each dim, or along `dim`: as PyTorch has them for this view. */
  stride(): number[];
  stride(dim: number): number;
  stride(dim?: number): number[] | number {
    const { strides } = layoutOf(this.node);
    return dim === undefined ? [...strides] : (strides.at(dim) as number);
  }

  /** Where the first element lies among its base's: as PyTorch has it for this view. */
  storageOffset(): number {
    return layoutOf(this.node).offset;
  }

  /** Whether PyTorch would call this view contiguous. */
  isContiguous(): boolean {
    return isContiguous(this.shape, layoutOf(this.node).strides);
  }

  /** Fills `.grad` of this tensor, made by an operation, in later `backward()` calls. */
  retainGrad(): this {
    const { node } = this;
    if (!node.requiresGrad) throw new Error('retainGrad: this tensor does not require a gradient');
    node.owner ??= this;
    return this;
  }

  // Arithmetic.

  add(other: Operand, { alpha = 1 }: { alpha?: number } = {}): Tensor {
    return this.#op(arithmetic.add, other, alpha);
  }

  sub(other: Operand, { alpha = 1 }: { alpha?: number } = {}): Tensor {
    return this.#op(arithmetic.sub, other, alpha);
  }

  mul(other: Operand): Tensor {
    return this.#op(arithmetic.mul, other);
  }

  div(other: Operand, { roundingMode = null }: { roundingMode?: arithmetic.RoundingMode | null } = {}): Tensor {
    return this.#op(arithmetic.div, other, roundingMode);
  }

  floorDivide(other: Operand): Tensor {
    return this.#op(arithmetic.floorDivide, other);
  }

  fmod(other: Operand): Tensor {
    return this.#op(arithmetic.fmod, other);
  }

  remainder(other: Operand): Tensor {
    return this.#op(arithmetic.remainder, other);
  }

  pow(exponent: Operand): Tensor {
    return this.#op((x, y: NodeOperand) => arithmetic.pow(wide(x), y), exponent);
  }

  maximum(other: Operand): Tensor {
    return this.#op(arithmetic.maximum, other);
  }

  minimum(other: Operand): Tensor {
    return this.#op(arithmetic.minimum, other);
  }

  lerp(end: Operand, weight: Operand): Tensor {
    return this.#op(arithmetic.lerp, end, weight);
  }

  clamp(min: Operand | null = null, max: Operand | null = null): Tensor {
    return this.#op(arithmetic.clamp, min, max);
  }

  neg(): Tensor {
    return this.#op(arithmetic.neg);
  }

  abs(): Tensor {
    return this.#op(arithmetic.abs);
  }

  sign(): Tensor {
    return this.#op(arithmetic.sign);
  }

  floor(): Tensor {
    return this.#op(arithmetic.floor);
  }

  ceil(): Tensor {
    return this.#op(arithmetic.ceil);
  }

  trunc(): Tensor {
    return this.#op(arithmetic.trunc);
  }

  round({ decimals = 0 }: { decimals?: number } = {}): Tensor {
    return this.#op(arithmetic.round, decimals);
  }

  frac(): Tensor {
    return this.#op(arithmetic.frac);
  }

  reciprocal(): Tensor {
    return this.#op(arithmetic.reciprocal);
  }

  // Functions.

  sqrt(): Tensor {
    return this.#op((x) => functions.float('sqrt', x));
  }

  rsqrt(): Tensor {
    return this.#op(functions.rsqrt);
  }

  square(): Tensor {
    return this.#op(functions.square);
  }

  exp(): Tensor {
    return this.#op((x) => functions.float('exp', wide(x)));
  }

  exp2(): Tensor {
    return this.#op(functions.exp2);
  }

  expm1(): Tensor {
    return this.#op((x) => functions.float('expm1', wide(x)));
  }

  log(): Tensor {
    return this.#op((x) => functions.float('log', wide(x)));
  }

  log1p(): Tensor {
    return this.#op((x) => functions.float('log1p', wide(x)));
  }

  log2(): Tensor {
    return this.#op(functions.logarithm, 2);
  }

  log10(): Tensor {
    return this.#op(functions.logarithm, 10);
  }

  sin(): Tensor {
    return this.#op((x) => functions.float('sin', x));
  }

  cos(): Tensor {
    return this.#op((x) => functions.float('cos', x));
  }

  tan(): Tensor {
    return this.#op(functions.tan);
  }

  atan(): Tensor {
    return this.#op((x) => functions.float('atan', x));
  }

  tanh(): Tensor {
    return this.#op((x) => functions.float('tanh', x));
  }

  erf(): Tensor {
    return this.#op((x) => functions.float('erf', x));
  }

  sigmoid(): Tensor {
    return this.#op(functions.sigmoid);
  }

  relu(): Tensor {
    return this.#op(functions.relu);
  }

  // Comparisons and logic.

  eq(other: Operand): Tensor {
    return this.#op(comparison.eq, other);
  }

  ne(other: Operand): Tensor {
    return this.#op(comparison.ne, other);
  }

  lt(other: Operand): Tensor {
    return this.#op(comparison.lt, other);
  }

  le(other: Operand): Tensor {
    return this.#op(comparison.le, other);
  }

  gt(other: Operand): Tensor {
    return this.#op(comparison.gt, other);
  }

  ge(other: Operand): Tensor {
    return this.#op(comparison.ge, other);
  }

  logicalNot(): Tensor {
    return this.#op(comparison.logicalNot);
  }

  logicalAnd(other: Operand): Tensor {
    return this.#op(comparison.logical, other, 'and');
  }

  logicalOr(other: Operand): Tensor {
    return this.#op(comparison.logical, other, 'or');
  }

  logicalXor(other: Operand): Tensor {
    return this.#op(comparison.logical, other, 'xor');
  }

  bitwiseAnd(other: Operand): Tensor {
    return this.#op(comparison.bitwise, other, 'and');
  }

  bitwiseOr(other: Operand): Tensor {
    return this.#op(comparison.bitwise, other, 'or');
  }

  bitwiseXor(other: Operand): Tensor {
    return this.#op(comparison.bitwise, other, 'xor');
  }

  bitwiseNot(): Tensor {
    return this.#op(comparison.bitwiseNot);
  }

  bitwiseLeftShift(other: Operand): Tensor {
    return this.#op(comparison.shift, other, 'shl');
  }

  bitwiseRightShift(other: Operand): Tensor {
    return this.#op(comparison.shift, other, 'shr');
  }

  isnan(): Tensor {
    return this.#op(comparison.isNaN);
  }

  isinf(): Tensor {
    return this.#op(comparison.isInf);
  }

  isfinite(): Tensor {
    return this.#op(comparison.isFinite);
  }

  isclose(
    other: Tensor,
    { rtol = 1e-5, atol = 1e-8, equalNan = false }: { rtol?: number; atol?: number; equalNan?: boolean } = {},
  ): Tensor {
    return this.#op(comparison.isClose, other, rtol, atol, equalNan);
  }

  maskedFill(mask: Tensor, value: Operand): Tensor {
    return this.#op(comparison.maskedFill, mask, value);
  }

  // Reductions. Without `dim`, over everything.

  sum(dim?: Dims, options: reduction.ReduceOptions = {}): Tensor {
    return this.#op(reduction.sum, dim, options);
  }

  prod(dim?: Dims, options: reduction.ReduceOptions = {}): Tensor {
    return this.#op(reduction.prod, dim, options);
  }

  mean(dim?: Dims, options: reduction.ReduceOptions = {}): Tensor {
    return this.#op(reduction.mean, dim, options);
  }

  amax(dim?: Dims, options: reduction.ReduceOptions = {}): Tensor {
    return this.#op(reduction.amax, dim, options);
  }

  amin(dim?: Dims, options: reduction.ReduceOptions = {}): Tensor {
    return this.#op(reduction.amin, dim, options);
  }

  /** The largest element; with `dim`, values and their indices along it; with a tensor, the larger of each two. */
  max(): Tensor;
  max(dim: number, options?: { keepdim?: boolean }): Ordered;
  max(other: Tensor): Tensor;
  max(by?: number | Tensor, { keepdim = false }: { keepdim?: boolean } = {}): Tensor | Ordered {
    if (by instanceof Tensor) return this.maximum(by);
    return by === undefined ? this.amax() : this.#ordered(reduction.extremeWithIndices('max', this.node, by, keepdim));
  }

  min(): Tensor;
  min(dim: number, options?: { keepdim?: boolean }): Ordered;
  min(other: Tensor): Tensor;
  min(by?: number | Tensor, { keepdim = false }: { keepdim?: boolean } = {}): Tensor | Ordered {
    if (by instanceof Tensor) return this.minimum(by);
    return by === undefined ? this.amin() : this.#ordered(reduction.extremeWithIndices('min', this.node, by, keepdim));
  }

  #ordered({ values, indices }: sorting.OrderedNodes): Ordered {
    return ordered(
      this.#op(() => values),
      this.#op(() => indices),
    );
  }

  argmax(dim: number | null = null, { keepdim = false }: { keepdim?: boolean } = {}): Tensor {
    return this.#op(reduction.argExtreme, 'argmax', dim, keepdim);
  }

  argmin(dim: number | null = null, { keepdim = false }: { keepdim?: boolean } = {}): Tensor {
    return this.#op(reduction.argExtreme, 'argmin', dim, keepdim);
  }

  all(dim?: Dims, options: reduction.ReduceOptions = {}): Tensor {
    return this.#op(reduction.all, dim, options);
  }

  any(dim?: Dims, options: reduction.ReduceOptions = {}): Tensor {
    return this.#op(reduction.any, dim, options);
  }

  countNonzero(dim?: Dims): Tensor {
    return this.#op(reduction.countNonzero, dim);
  }

  var(dim?: Dims, { correction = 1, keepdim = false }: { correction?: number; keepdim?: boolean } = {}): Tensor {
    return this.#op(reduction.variance, dim, correction, keepdim);
  }

  std(dim?: Dims, { correction = 1, keepdim = false }: { correction?: number; keepdim?: boolean } = {}): Tensor {
    return this.#op(reduction.std, dim, correction, keepdim);
  }

  logsumexp(dim: Dims, { keepdim = false }: { keepdim?: boolean } = {}): Tensor {
    return this.#op(reduction.logsumexp, dim, keepdim);
  }

  softmax(dim: number, { dtype }: { dtype?: DType } = {}): Tensor {
    return this.#op(reduction.softmax, dim, dtype);
  }

  logSoftmax(dim: number, { dtype }: { dtype?: DType } = {}): Tensor {
    return this.#op(reduction.logSoftmax, dim, dtype);
  }

  /** The p-norm over `dim`, or over all: (sum |x|^p)^(1/p); infinite p are the extremes, 0 counts what is not 0. */
  norm(p = 2, dim: Dims = null, { keepdim = false }: { keepdim?: boolean } = {}): Tensor {
    return this.#op((x) => norm('norm', x, p, dim, keepdim));
  }

  /** The sum of each element and all before it along `dim`; integers in int64. */
  cumsum(dim: number, { dtype }: { dtype?: DType | undefined } = {}): Tensor {
    return this.#op((x) => cumulative('cumsum', x, dim, dtype));
  }

  // Order along a dim.

  /** The elements along `dim` in ascending order, equal ones in theirs, NaN last; and where they were. */
  sort(...given: OfLastDim<SortOptions>): Ordered {
    const [dim, { descending = false }] = lastDim(given);
    return this.#ordered(sorting.sort(this.node, dim, descending));
  }

  /** Where the elements of the sorted `dim` are: int64. */
  argsort(...given: OfLastDim<SortOptions>): Tensor {
    const [dim, { descending = false }] = lastDim(given);
    return this.#op(sorting.argsort, dim, descending);
  }

  /** The k largest elements along `dim`, or the smallest, in order. @throws RangeError for a k beyond the dim. */
  topk(k: number, ...given: OfLastDim<TopkOptions>): Ordered {
    const [dim, { largest = true }] = lastDim(given);
    return this.#ordered(sorting.topk(this.node, k, dim, largest));
  }

  // Products.

  matmul(other: Tensor): Tensor {
    return this.#op(matmul, other);
  }

  /** The product of two matrices. @throws ShapeError for other than 2 dims. */
  mm(other: Tensor): Tensor {
    return this.#op((x, y: Node) => mm('mm', x, y, 2), other);
  }

  /** Products of two batches of matrices. @throws ShapeError for other than 3 dims, or batches that differ. */
  bmm(other: Tensor): Tensor {
    return this.#op((x, y: Node) => mm('bmm', x, y, 3), other);
  }

  /** The sum of the products of two vectors' elements. @throws ShapeError for other than 1 dim. */
  dot(other: Tensor): Tensor {
    return this.#op((x, y: Node) => mm('dot', x, y, 1), other);
  }

  // Views: writes to one show in the other.

  reshape(...shape: readonly (number | readonly number[])[]): Tensor {
    const lengths = lengthsOf(shape);
    return this.#viewBy(
      (x) => movement.reshape(x, lengths),
      (base, value) => movement.reshape(value, base.shape),
    );
  }

  /** As `reshape`: every tensor is contiguous to its user. */
  view(...shape: readonly (number | readonly number[])[]): Tensor {
    return this.reshape(...shape);
  }

  viewAs(other: Tensor): Tensor {
    return this.reshape(other.shape);
  }

  flatten(startDim = 0, endDim = -1): Tensor {
    return this.#viewBy(
      (x) => movement.flatten(x, startDim, endDim),
      (base, value) => movement.reshape(value, base.shape),
    );
  }

  squeeze(dim?: number | readonly number[]): Tensor {
    const dims = dim === undefined ? null : [dim].flat();
    return this.#viewBy(
      (x) => movement.squeeze(x, dims),
      (base, value) => movement.reshape(value, base.shape),
    );
  }

  unsqueeze(dim: number): Tensor {
    return this.#viewBy(
      (x) => movement.unsqueeze(x, dim),
      (base, value) => movement.reshape(value, base.shape),
    );
  }

  permute(...dims: readonly (number | readonly number[])[]): Tensor {
    const order = lengthsOf(dims);
    return this.#viewBy((x) => movement.permute(x, order));
  }

  transpose(dim0: number, dim1: number): Tensor {
    return this.#viewBy(
      (x) => movement.transpose(x, dim0, dim1),
      (_, value) => movement.transpose(value, dim0, dim1),
    );
  }

  /** The transpose of a matrix; a tensor of fewer dims as it is. */
  t(): Tensor {
    if (this.ndim > 2) throw new RangeError(`t: expected at most 2 dims, got ${describe(this)}; use transpose(a, b)`);
    return this.ndim < 2 ? this : this.transpose(0, 1);
  }

  /** As `t()`. */
  get T(): Tensor {
    return this.t();
  }

  /** The last two dims exchanged. */
  get mT(): Tensor {
    return this.transpose(-2, -1);
  }

  movedim(source: number | readonly number[], destination: number | readonly number[]): Tensor {
    return this.#viewBy((x) => movement.movedim(x, [source].flat(), [destination].flat()));
  }

  expand(...shape: readonly (number | readonly number[])[]): Tensor {
    const lengths = lengthsOf(shape);
    return this.#viewBy((x) => movement.expand(x, lengths));
  }

  expandAs(other: Tensor): Tensor {
    return this.expand(other.shape);
  }

  narrow(dim: number, start: number, length: number): Tensor {
    return this.#viewBy((x) => movement.narrow(x, dim, start, length));
  }

  select(dim: number, index: number): Tensor {
    return this.#viewBy((x) => movement.select(x, dim, index));
  }

  /** Windows of `size` every `step` along `dim`, which counts them; a last dim walks within one. */
  unfold(dim: number, size: number, step: number): Tensor {
    return this.#viewBy((x) => arrangement.unfold(x, dim, size, step));
  }

  split(size: number | readonly number[], dim = 0): Tensor[] {
    const parts = movement.split(this.node, size, dim);
    return parts.map((_, i) => this.#viewBy((x) => movement.split(x, size, dim)[i] as Node));
  }

  /** Up to `count` parts of equal length but the last. */
  chunk(count: number, dim = 0): Tensor[] {
    return this.split(Math.max(1, Math.ceil(this.size(dim) / count)), dim);
  }

  unbind(dim = 0): Tensor[] {
    return Array.from({ length: this.size(dim) }, (_, i) => this.select(dim, i));
  }

  /** The part that the index names: numbers, `slice(..)`, `newaxis`, `ellipsis`, integer tensors (which copy). */
  at(...index: readonly Index[]): Tensor {
    if (index.some((item) => item instanceof Tensor)) {
      return this.#op((x, ...items: indexing.IndexItem<Node>[]) => indexing.at(x, items), ...index);
    }
    const items = nodesOf<indexing.IndexItem<Node>[]>(index);
    return this.#viewBy(
      (x) => indexing.at(x, items),
      (base, value) => indexing.setAt(base, items, value),
    );
  }

  // Copies by place.

  flip(...dims: readonly (number | readonly number[])[]): Tensor {
    return this.#op(movement.flip, lengthsOf(dims));
  }

  /** As often as `times` says along each dim; more counts than dims add dims in front. */
  repeat(...times: readonly (number | readonly number[])[]): Tensor {
    return this.#op((x) => arrangement.repeat('repeat', x, lengthsOf(times)));
  }

  gather(dim: number, index: Tensor): Tensor {
    return this.#op(indexing.gather, dim, index);
  }

  indexSelect(dim: number, index: Tensor): Tensor {
    return this.#op(indexing.indexSelect, dim, index);
  }

  scatterAdd(dim: number, index: Tensor, src: Tensor): Tensor {
    return this.#op(indexing.scatterAdd, dim, index, src);
  }

  // In place: the tensor and its views take the new value. They return the tensor.

  /** Writes `value` (broadcast) where the index points. */
  setAt(index: readonly Index[], value: Operand): this {
    return this.#into('setAt', indexing.setAt, nodesOf<indexing.IndexItem<Node>[]>(index), value);
  }

  copy_(source: Operand): this {
    return this.write('copy_', nodeOrNumber(source));
  }

  fill_(value: number): this {
    return this.write('fill_', value);
  }

  zero_(): this {
    return this.write('zero_', 0);
  }

  add_(other: Operand, { alpha = 1 }: { alpha?: number } = {}): this {
    return this.#into('add_', arithmetic.add, other, alpha);
  }

  sub_(other: Operand, { alpha = 1 }: { alpha?: number } = {}): this {
    return this.#into('sub_', arithmetic.sub, other, alpha);
  }

  mul_(other: Operand): this {
    return this.#into('mul_', arithmetic.mul, other);
  }

  div_(other: Operand): this {
    return this.#into('div_', arithmetic.div, other);
  }

  clamp_(min: number | null = null, max: number | null = null): this {
    return this.#into('clamp_', arithmetic.clamp, min, max);
  }

  pow_(exponent: Operand): this {
    return this.#into('pow_', arithmetic.pow, exponent);
  }

  abs_(): this {
    return this.#into('abs_', arithmetic.abs);
  }

  neg_(): this {
    return this.#into('neg_', arithmetic.neg);
  }

  floor_(): this {
    return this.#into('floor_', arithmetic.floor);
  }

  ceil_(): this {
    return this.#into('ceil_', arithmetic.ceil);
  }

  sqrt_(): this {
    return this.#into('sqrt_', (x) => functions.float('sqrt', x));
  }

  exp_(): this {
    return this.#into('exp_', (x) => functions.float('exp', x));
  }

  log_(): this {
    return this.#into('log_', (x) => functions.float('log', x));
  }

  tanh_(): this {
    return this.#into('tanh_', (x) => functions.float('tanh', x));
  }

  sigmoid_(): this {
    return this.#into('sigmoid_', functions.sigmoid);
  }

  relu_(): this {
    return this.#into('relu_', functions.relu);
  }

  maskedFill_(mask: Tensor, value: Operand): this {
    return this.#into('maskedFill_', comparison.maskedFill, mask, value);
  }

  lerp_(end: Operand, weight: Operand): this {
    return this.#into('lerp_', arithmetic.lerp, end, weight);
  }
}

/** The value on another device: through host memory, at once. */
function movedTo(tensor: Tensor, runtime: Runtime): Node {
  tensor.evaluateNow();
  return runtime.hostLeaf(hostDataOf(tensor), tensor.dtype, tensor.shape);
}
