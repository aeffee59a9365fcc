/** Parameters, gradients and values of tests, short to write. */
import { type Tensor, tensor } from '@torchlet/tensor';

export function parameter(data: readonly number[]): Tensor {
  return tensor(Float32Array.from(data), { requiresGrad: true });
}

/** Records the loss sum(p * slopes) and its gradient, which is `slopes`. */
export function pull(p: Tensor, slopes: readonly number[]): Tensor {
  const loss = p.mul(tensor(Float32Array.from(slopes))).sum();
  loss.backward();
  return loss;
}

export async function dataOf(x: Tensor | null | undefined): Promise<number[]> {
  if (x === null || x === undefined) throw new TypeError('expected a tensor, got none');
  return Array.from(await x.data(), Number);
}

/** Steps of about 1 in float32: a few roundings. */
export const float32Digits = 5;
