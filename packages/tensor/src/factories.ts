/** Making tensors: from data, filled, ranges, random. The options are PyTorch's keyword arguments. */
import type { Device, DType, HostArray } from '@torchlet/device';
import { full as fullNode, iota, leaf, type Node, printShape, type Shape, ShapeError, sizeOf } from '@torchlet/graph';
import { track } from './handle.js';
import { fromUser, type NestedArray, type TypedData } from './host-values.js';
import { add as addNodes, mul as mulNodes } from './ops/arithmetic.js';
import { broadcastTo, nodeOf } from './ops/operands.js';
import { normal, uniform } from './ops/random.js';
import { type PlainNumber, dtypeOfNumber } from './promotion.js';
import { defaultGenerator, type Generator } from './random.js';
import { runtimeOf } from './runtime/devices.js';
import { Storage } from './runtime/storage.js';
import { Tensor } from './tensor.js';

export interface TensorOptions {
  readonly dtype?: DType | undefined;
  /** Where it lives; without it the tensor goes where its partner in an operation lives, or to the default device. */
  readonly device?: Device | null | undefined;
  readonly requiresGrad?: boolean | undefined;
}

export interface RandomOptions extends TensorOptions {
  readonly generator?: Generator | undefined;
}

function made(node: Node, { device, requiresGrad }: TensorOptions): Tensor {
  const tensor = new Tensor(node, device === undefined || device === null ? null : runtimeOf(device));
  if (requiresGrad) return tensor.requiresGrad_();
  track(tensor);
  return tensor;
}

/**
 * A tensor of data, which is copied at once. Whole numbers give int64, others float32, booleans bool; a typed array keeps its dtype.
 *
 * @param data a number, nested arrays of one shape, or a typed array with `shape`.
 * @throws ShapeError for uneven nesting, or a shape that the data does not fill.
 * @example tensor([[1, 2], [3, 4]], { dtype: 'float32' })
 */
export function tensor(
  data: NestedArray | TypedData,
  options: TensorOptions & { readonly shape?: Shape } = {},
): Tensor {
  const { elements, shape, dtype } = fromUser(data, options.dtype, options.shape);
  return fromHost(elements, shape, dtype, options);
}

/**
 * A tensor of an array that the caller hands over and no longer writes to; nothing is copied. For loaders, which make fresh arrays.
 *
 * @throws ShapeError if the array does not fill the shape.
 */
export function fromHost(elements: HostArray, shape: Shape, dtype: DType, options: TensorOptions = {}): Tensor {
  if (elements.length !== sizeOf(shape)) {
    throw new ShapeError(
      `fromHost: ${elements.length} elements do not fill shape ${printShape(shape)} of ${sizeOf(shape)}`,
    );
  }
  return made(leaf(new Storage('host', dtype, elements.length, elements), shape, dtype), options);
}

/** `value` everywhere; the number is given at run time. @param shape a list of lengths */
export function full(shape: Shape, value: PlainNumber, options: TensorOptions = {}): Tensor {
  const dtype = options.dtype ?? dtypeOfNumber(value);
  return made(broadcastTo('full', nodeOf(value, dtype), [...shape]), options);
}

export function zeros(shape: Shape, options: TensorOptions = {}): Tensor {
  return made(fullNode([...shape], 0, options.dtype ?? 'float32'), options);
}

export function ones(shape: Shape, options: TensorOptions = {}): Tensor {
  return made(fullNode([...shape], 1, options.dtype ?? 'float32'), options);
}

function likeOptions(x: Tensor, options: TensorOptions): TensorOptions {
  return { ...options, dtype: options.dtype ?? x.dtype, device: options.device ?? x.runtime?.device };
}

export function zerosLike(x: Tensor, options: TensorOptions = {}): Tensor {
  return zeros(x.shape, likeOptions(x, options));
}

export function onesLike(x: Tensor, options: TensorOptions = {}): Tensor {
  return ones(x.shape, likeOptions(x, options));
}

export function fullLike(x: Tensor, value: PlainNumber, options: TensorOptions = {}): Tensor {
  return full(x.shape, value, likeOptions(x, options));
}

/** start, start + step, ... up to but without `end`. Int64 where all three are whole, else float32. */
export function arange(
  ...args:
    | readonly [number]
    | readonly [number, number, number?]
    | readonly [number, TensorOptions]
    | readonly [number, number, TensorOptions]
    | readonly [number, number, number, TensorOptions]
): Tensor {
  const last = args[args.length - 1];
  const options = typeof last === 'object' ? last : {};
  const numbers = args.filter((arg): arg is number => typeof arg === 'number');
  const [start, end, step] =
    numbers.length === 1 ? [0, numbers[0] as number, 1] : [numbers[0] as number, numbers[1] as number, numbers[2] ?? 1];
  if (step === 0 || (end - start) / step < 0) {
    throw new RangeError(`arange: a step of ${step} does not lead from ${start} to ${end}`);
  }
  const length = Math.ceil((end - start) / step);
  const dtype = options.dtype ?? ([start, end, step].every(Number.isInteger) ? 'int64' : 'float32');
  return made(ramp(length, start, step, dtype), options);
}

/** start + i * step. */
function ramp(length: number, start: number, step: number, dtype: DType): Node {
  const line = iota(length, dtype);
  const scaled = step === 1 ? line : mulNodes(line, nodeOf(step, dtype));
  return start === 0 ? scaled : addNodes(scaled, nodeOf(start, dtype));
}

/** `steps` numbers from `start` to `end`, both included. */
export function linspace(start: number, end: number, steps: number, options: TensorOptions = {}): Tensor {
  const values = Float64Array.from({ length: steps }, (_, i) => {
    const fraction = (end - start) / Math.max(1, steps - 1);
    return i < steps / 2 ? start + i * fraction : end - (steps - 1 - i) * fraction;
  });
  return tensor(values, { ...options, dtype: options.dtype ?? 'float32' });
}

/** 1 on the diagonal, 0 elsewhere: [n, m], square without m. */
export function eye(
  n: number,
  ...rest: readonly [] | readonly [number] | readonly [TensorOptions] | readonly [number, TensorOptions]
): Tensor {
  const m = typeof rest[0] === 'number' ? rest[0] : n;
  const last = rest[rest.length - 1];
  const options: TensorOptions = typeof last === 'object' ? last : {};
  const values = new Float32Array(n * m);
  for (let i = 0; i < Math.min(n, m); i++) values[i * m + i] = 1;
  return tensor(values, { ...options, shape: [n, m], dtype: options.dtype ?? 'float32' });
}

/** Uniform in [0, 1), drawn on the device. */
export function rand(shape: Shape, options: RandomOptions = {}): Tensor {
  return made(nodeOf(uniform([...shape], options.generator ?? defaultGenerator), options.dtype ?? 'float32'), options);
}

/** Standard normal, drawn on the device. */
export function randn(shape: Shape, options: RandomOptions = {}): Tensor {
  return made(nodeOf(normal([...shape], options.generator ?? defaultGenerator), options.dtype ?? 'float32'), options);
}

/** Whole numbers in [low, high), drawn on the host. */
export function randint(low: number, high: number, shape: Shape, options: RandomOptions = {}): Tensor {
  const values = (options.generator ?? defaultGenerator).integers(sizeOf(shape), low, high);
  return tensor(Float64Array.from(values), { ...options, shape, dtype: options.dtype ?? 'int64' });
}

/** 0 to n - 1 in random order, drawn on the host. */
export function randperm(n: number, options: RandomOptions = {}): Tensor {
  const order = (options.generator ?? defaultGenerator).permutation(n);
  return tensor(Float64Array.from(order), { ...options, dtype: options.dtype ?? 'int64' });
}
