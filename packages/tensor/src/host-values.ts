/** Values between JavaScript and elements: nested arrays, typed arrays, halves and int64. Owns conversions only. */
import {
  bfloat16ToNumber,
  type DType,
  dtypes,
  float16ToNumber,
  type HostArray,
  numberToBfloat16,
  numberToFloat16,
} from '@torchlet/device';
import { printShape, type Shape, ShapeError, sizeOf } from '@torchlet/graph';
import { type PlainNumber, dtypeOfNumber, promoteTypes } from './promotion.js';

/** What `data()` gives: halves come as float32. */
export type ReadableArray = HostArray;

export type NestedArray = number | bigint | boolean | readonly NestedArray[];

/** Typed arrays that `tensor` takes; their dtype is the array's. */
export type TypedData = HostArray | Float32Array | Uint8ClampedArray;

/** An element as a JavaScript number: halves decoded, int64 as a number when safe. */
export function numberAt(dtype: DType, elements: HostArray, i: number): number | bigint {
  const raw = elements[i];
  if (raw === undefined) throw new RangeError(`expected an element at ${i} of ${elements.length}`);
  if (dtype === 'float16') return float16ToNumber(Number(raw));
  if (dtype === 'bfloat16') return bfloat16ToNumber(Number(raw));
  if (typeof raw !== 'bigint') return raw;
  const number = Number(raw);
  return Number.isSafeInteger(number) ? number : raw;
}

export function singleNumber(dtype: DType, shape: Shape, elements: HostArray): number {
  if (elements.length !== 1) {
    throw new TypeError(`item: expected one element, got shape ${printShape(shape)}; use array() or data()`);
  }
  const value = numberAt(dtype, elements, 0);
  if (typeof value === 'bigint') throw new RangeError(`item: ${value} is not exact as a number; use data()`);
  return value;
}

export function flatData(dtype: DType, elements: HostArray): ReadableArray {
  if (dtype === 'float16' || dtype === 'bfloat16') {
    return Float32Array.from({ length: elements.length }, (_, i) => Number(numberAt(dtype, elements, i)));
  }
  return elements.slice();
}

export function nested(dtype: DType, shape: Shape, elements: HostArray): NestedArray {
  let position = 0;
  const build = (axis: number): NestedArray => {
    if (axis === shape.length) {
      const value = numberAt(dtype, elements, position++);
      return dtype === 'bool' ? value === 1 : value;
    }
    return Array.from({ length: shape[axis] as number }, () => build(axis + 1));
  };
  return build(0);
}

const dtypeOfArray: readonly (readonly [new (length: number) => object, DType])[] = [
  [Float32Array, 'float32'],
  [Float64Array, 'float64'],
  [BigInt64Array, 'int64'],
  [Int32Array, 'int32'],
  [Int16Array, 'int16'],
  [Int8Array, 'int8'],
  [Uint8Array, 'uint8'],
  [Uint8ClampedArray, 'uint8'],
];

/** Elements, shape and dtype of what a user passed as data. Always a copy. */
export function fromUser(
  data: NestedArray | TypedData,
  dtype: DType | undefined,
  shape: Shape | undefined,
): { elements: HostArray; shape: Shape; dtype: DType } {
  if (ArrayBuffer.isView(data)) {
    const own = dtypeOfArray.find(([constructor]) => data instanceof constructor)?.[1];
    if (own === undefined && !(data instanceof Uint16Array)) {
      throw new TypeError(`tensor: ${data.constructor.name} has no dtype here; convert it first`);
    }
    const wanted = dtype ?? own;
    if (wanted === undefined)
      throw new TypeError("tensor: a Uint16Array holds the bits of halves; pass { dtype: 'float16' } or 'bfloat16'");
    checkSize(data.length, shape);
    return { elements: converted(data, own ?? wanted, wanted), shape: shape ?? [data.length], dtype: wanted };
  }
  const found = shapeOf(data as NestedArray);
  const flat: PlainNumber[] = [];
  flatten(data as NestedArray, found, 0, flat);
  checkSize(flat.length, shape);
  const wanted = dtype ?? flat.map(dtypeOfNumber).reduce(promoteTypes, flat.length === 0 ? 'float32' : 'bool');
  const elements = dtypes[wanted].zeros(flat.length);
  for (let i = 0; i < flat.length; i++) setElement(wanted, elements, i, flat[i] as PlainNumber);
  return { elements, shape: shape ?? found, dtype: wanted };
}

function checkSize(size: number, shape: Shape | undefined): void {
  if (shape === undefined || sizeOf(shape) === size) return;
  throw new ShapeError(`tensor: ${size} elements do not fill shape ${printShape(shape)} of ${sizeOf(shape)}`);
}

function shapeOf(data: NestedArray): number[] {
  const shape: number[] = [];
  let level: NestedArray | undefined = data;
  while (Array.isArray(level)) {
    shape.push(level.length);
    level = level[0];
  }
  return shape;
}

function flatten(data: NestedArray, shape: Shape, axis: number, flat: PlainNumber[]): void {
  if (!Array.isArray(data)) {
    if (axis !== shape.length)
      throw new ShapeError(
        `tensor: expected nested arrays of shape ${printShape(shape)}, got a number at depth ${axis}`,
      );
    flat.push(data as PlainNumber);
    return;
  }
  if (axis >= shape.length || data.length !== shape[axis]) {
    throw new ShapeError(
      `tensor: expected ${shape[axis] ?? 'no'} items at depth ${axis}, got ${data.length}: nested arrays must be even`,
    );
  }
  for (const item of data) flatten(item, shape, axis + 1, flat);
}

/** Elements of one dtype as another, in fresh memory. */
function converted(data: TypedData, from: DType, to: DType): HostArray {
  if (from === to) return data.slice() as HostArray;
  const elements = dtypes[to].zeros(data.length);
  for (let i = 0; i < data.length; i++) setElement(to, elements, i, data[i] as number | bigint);
  return elements;
}

/** Writes a number as `dtype` holds it. */
export function setElement(dtype: DType, elements: HostArray, i: number, value: PlainNumber): void {
  if (elements instanceof BigInt64Array) {
    elements[i] = typeof value === 'bigint' ? value : BigInt(Math.trunc(Number(value)));
    return;
  }
  const number = Number(value);
  if (dtype === 'float16') elements[i] = numberToFloat16(number);
  else if (dtype === 'bfloat16') elements[i] = numberToBfloat16(number);
  else if (dtype === 'bool') elements[i] = number === 0 ? 0 : 1;
  else elements[i] = number;
}
