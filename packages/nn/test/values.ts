/** Tensors and values of tests, short to write. */
import { type Tensor, tensor } from '@torchlet/tensor';

export function floats(data: readonly number[], shape: readonly number[] = [data.length]): Tensor {
  return tensor(Float32Array.from(data), { shape });
}

export function indices(data: readonly number[], shape: readonly number[] = [data.length]): Tensor {
  return tensor(BigInt64Array.from(data, BigInt), { shape });
}

/** Numbers that look random and are the same in every run, in [-1.2, 1.2). */
export function spreadNumbers(size: number, seed = 1): number[] {
  return Array.from({ length: size }, (_, i) => 2.4 * ((((i + 1) * 0.754877666 + seed * 0.569840291) % 1) - 0.5));
}

export async function dataOf(x: Tensor | null): Promise<number[]> {
  if (x === null) throw new TypeError('expected a tensor, got null');
  return Array.from(await x.data(), Number);
}

/** Sums of float32 numbers of about 1: the error of a few dozen roundings. */
export const float32Digits = 5;
