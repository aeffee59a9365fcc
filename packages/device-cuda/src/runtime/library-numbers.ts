/**
 * Products and convolutions as the numbers that the addon takes. Owns their order, which `ProductShape` and `ConvolutionShape` of the addon read, and the values
 * of NVIDIA's headers: cublasLt.h and cudnn.h number data types differently.
 */
import type { DType } from '@torchlet/device';
import type { LibraryConvolution, LibraryProduct } from '../generated.js';

/** Of products. */
const dataTypes = { float32: 0, float64: 1, float16: 2, bfloat16: 14 } as const;
const computeTypes = { float32: 68, tf32: 77, float64: 70 } as const;
const epilogues = { none: 1, bias: 4 } as const;

/** Of convolutions. */
const tensorTypes = { float32: 0, float64: 1, float16: 2, bfloat16: 9 } as const;
/** The library may round factors to TF32 unless it is told to multiply and add. */
const mathTypes = { default: 0, tensorCores: 1, multiplyAdd: 3 } as const;
const computed = { output: 0, filter: 1, image: 2 } as const;
/** What mathematicians call a convolution, and what networks do. */
const modes = { turned: 0, straight: 1 } as const;

function isHalf(dtype: DType): boolean {
  return dtype === 'float16' || dtype === 'bfloat16';
}

export function numbersOfProduct(product: LibraryProduct): Float64Array {
  const { dtype, precision, m, n, k, batch, matrices, epilogue, alpha, beta } = product;
  const type = dataTypes[dtype as keyof typeof dataTypes];
  const compute = dtype === 'float64' ? 'float64' : !isHalf(dtype) && precision === 'high' ? 'tf32' : 'float32';
  const [a, b] = matrices;
  return Float64Array.from([
    ...[type, computeTypes[compute], m, n, k, a?.isTransposed ? 1 : 0, b?.isTransposed ? 1 : 0],
    ...matrices.map(({ leading }) => leading),
    batch,
    ...matrices.map(({ batchOffset }) => batchOffset),
    ...matrices.map(({ alignment }) => alignment),
    ...[epilogues[epilogue], alpha, beta],
  ]);
}

export function numbersOfConvolution(convolution: LibraryConvolution): Float64Array {
  const { dtype, precision, computes, groups, image, filter, output, isTurned, alpha } = convolution;
  const { padding, stride, dilation } = convolution;
  const isSingle = dtype === 'float32' && precision === 'highest';
  const math = isHalf(dtype) ? 'tensorCores' : isSingle || dtype === 'float64' ? 'multiplyAdd' : 'default';
  return Float64Array.from([
    tensorTypes[dtype as keyof typeof tensorTypes],
    tensorTypes[dtype === 'float64' ? 'float64' : 'float32'],
    ...[mathTypes[math], modes[isTurned ? 'turned' : 'straight'], computed[computes], groups, alpha, padding.length],
    ...[image.lengths, image.strides, filter, output.lengths, output.strides, padding, stride, dilation].flat(),
  ]);
}
