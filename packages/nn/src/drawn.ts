/** The parameters that layers are born with, made of host data so that no device is needed to build a model. Owns nothing else. */
import { type Shape, tensor } from '@torchlet/tensor';
import { type DrawOptions, normalValues, uniformValues } from './init.js';
import { Parameter } from './parameter.js';

/** Uniform in [-bound, bound). */
export function uniformParameter(shape: Shape, bound: number, options: DrawOptions): Parameter {
  return parameterOf(shape, uniformValues(sizeOf(shape), -bound, bound, options));
}

/** A standard normal matrix; the row `zeroRow`, if any, is 0 (negative counts from the end). */
export function normalParameter(
  shape: readonly [number, number],
  options: DrawOptions,
  zeroRow: number | null,
): Parameter {
  const [rows, columns] = shape;
  const values = normalValues(rows * columns, 0, 1, options);
  if (zeroRow !== null) {
    const row = zeroRow < 0 ? zeroRow + rows : zeroRow;
    values.fill(0, row * columns, (row + 1) * columns);
  }
  return parameterOf(shape, values);
}

export function constantParameter(shape: Shape, value: number): Parameter {
  return parameterOf(shape, new Float64Array(sizeOf(shape)).fill(value));
}

function parameterOf(shape: Shape, values: Float64Array): Parameter {
  return new Parameter(tensor(values, { shape, dtype: 'float32' }));
}

function sizeOf(shape: Shape): number {
  return shape.reduce((size, length) => size * length, 1);
}
