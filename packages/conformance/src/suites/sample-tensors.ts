/**
 * Samples of the op table as tensors, and references rounded as a dtype rounds. Owns the way between plain arrays and tensors.
 */
import { bfloat16ToNumber, type DType, float16ToNumber, numberToBfloat16, numberToFloat16 } from '@torchlet/device';
import { type Tensor, tensor } from '@torchlet/tensor';
import { map, type Plain } from '../op-info/plain.js';
import type { OpRow, Sample, SampleInput } from '../op-info/row.js';
import { leastNormal } from '../op-info/tolerances.js';

/** How a dtype stores a number. */
const stored: Readonly<Record<DType, (value: number) => number>> = {
  float32: Math.fround,
  float64: (value) => value,
  float16: (value) => float16ToNumber(numberToFloat16(value)),
  bfloat16: (value) => bfloat16ToNumber(numberToBfloat16(value)),
  int64: Math.trunc,
  int32: (value) => value | 0,
  int16: (value) => (value << 16) >> 16,
  int8: (value) => (value << 24) >> 24,
  uint8: (value) => value & 255,
  bool: (value) => (value === 0 ? 0 : 1),
};

/** The array as `dtype` would hold it. */
export function rounded(value: Plain, dtype: DType): Plain {
  return map(value, stored[dtype]);
}

export function tensorOf({ value, dtype }: SampleInput, requiresGrad = false): Tensor {
  return tensor([...value.data], { shape: value.shape, dtype, requiresGrad });
}

export function inputsOf({ inputs }: Sample, gradients = false): Tensor[] {
  return inputs.map((input) => tensorOf(input, gradients && input.dtype === 'float32'));
}

/** What a sample should give, in float64. */
export function referenceOf({ reference }: OpRow, { inputs, args }: Sample): Plain {
  return reference(
    inputs.map(({ value }) => value),
    args,
  );
}

/** The same where subnormal numbers are taken for 0. */
export function flushedReferenceOf(op: OpRow, sample: Sample): Plain {
  const inputs = sample.inputs.map(({ value, dtype }) => ({
    dtype,
    value: dtype === 'float32' ? map(value, (x) => (Math.abs(x) < leastNormal ? 0 * x : x)) : value,
  }));
  return referenceOf(op, { ...sample, inputs });
}

/** The dtype of a sample's result. */
export function resultDType(op: OpRow, { inputs }: Sample): DType {
  const first = inputs.find(({ dtype }) => dtype !== 'bool') ?? inputs[0];
  const dtype = first?.dtype ?? 'float32';
  return op.dtypes === null ? dtype : op.dtypes.result(dtype);
}
