/**
 * Products by warpgroups on CUDA's driver stand-in as a card of compute capability 9.0, through the whole of Torchlet: linear layers forward and backward, in halves
 * by autocast and in TF32. Every suite and every golden case with them is one of `cuda-modes.long.test.ts`.
 */
import type { CudaDevice, CudaOptions } from '@torchlet/device-cuda';
import { autocast, type DType, evaluate, setFloat32MatmulPrecision, type Tensor, tensor } from '@torchlet/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setStandin } from '../../packages/device-cuda/standin/library.js';
import { cudaStandin } from '../../packages/device-cuda/standin/open.js';
import { type StandinWatch, watchStandin } from '../../packages/device-cuda/standin/watch.js';
import { noStandin, onStandin } from '../standin.js';

const [rows, outputs, inputs] = [72, 136, 64] as const;
/** Half a unit of the last digit of results, and of the gradient that is rounded before it is multiplied. */
const rounding = { bfloat16: 2 ** -8, float16: 2 ** -11, float32: 0 } as const;

/** Numbers that every dtype holds exactly. */
const numbers = (length: number, columns: number, seed: number): number[][] =>
  Array.from({ length }, (_, i) =>
    Array.from({ length: columns }, (__, j) => (((i * 37 + j * 11 + i * j + seed) % 13) - 6) / 4),
  );

const transposed = (x: readonly (readonly number[])[]): number[][] =>
  (x[0] ?? []).map((_, j) => x.map((row) => row[j] as number));

function product(x: readonly (readonly number[])[], y: readonly (readonly number[])[]): number[][] {
  const columns = transposed(y);
  return x.map((row) => columns.map((column) => row.reduce((sum, value, k) => sum + value * (column[k] as number), 0)));
}

/** How far numbers are from others, beside what these are. */
function distance(found: readonly (readonly number[])[], right: readonly (readonly number[])[]): number {
  const each = right.flatMap((row, i) =>
    row.map((value, j) => Math.abs((found[i]?.[j] as number) - value) / Math.max(1, Math.abs(value))),
  );
  return Math.max(...each);
}

describe.skipIf(noStandin !== null)(onStandin('products by warpgroups'), () => {
  let watch: StandinWatch;
  beforeAll(async () => {
    await setStandin({ card: { multiprocessors: 4, capability: 90 } });
    watch = await watchStandin();
  });
  afterAll(async () => {
    setFloat32MatmulPrecision('highest');
    await setStandin({});
  });

  /** A linear layer's results and gradients, where the gradient of results is given. */
  async function trained(device: CudaDevice, dtype: 'bfloat16' | 'float16' | 'float32'): Promise<number> {
    const [x, weight, slope] = [numbers(rows, inputs, 1), numbers(outputs, inputs, 5), numbers(rows, outputs, 9)];
    const given = (values: number[][], requiresGrad = true): Tensor => tensor(values, { device, requiresGrad });
    const [from, through] = [given(x), given(weight)];
    const forward = (): Tensor => from.matmul(through.transpose(0, 1));
    const to: DType = dtype;
    const made = to === 'float32' ? forward() : autocast(device, dtype as 'bfloat16' | 'float16', forward);
    made.mul(given(slope, false)).sum().backward();
    await evaluate(made);
    const found = await Promise.all([made, from.grad as Tensor, through.grad as Tensor].map((value) => value.array()));
    const right = [product(x, transposed(weight)), product(slope, weight), product(transposed(slope), x)];
    return Math.max(...right.map((values, i) => distance(found[i] as number[][], values)));
  }

  async function computed(options: CudaOptions, dtype: 'bfloat16' | 'float16' | 'float32') {
    const device = await cudaStandin(options);
    watch.groupProducts();
    const error = await trained(device, dtype);
    device.dispose();
    return { error, products: watch.groupProducts() };
  }

  it.each(['bfloat16', 'float16'] as const)(
    'train a linear layer under autocast to %s, all three products',
    async (dtype) => {
      const { error, products } = await computed({ wgmma: 'always' }, dtype);
      expect(error).toBeLessThanOrEqual(rounding[dtype]);
      // Instructions of 16 terms; tiles of 64 by 128 results, their terms rounded up to 64.
      expect(products).toBe(4 * (2 * 2 * 1 + 2 * 1 * 3 + 3 * 1 * 2));
    },
  );

  it('compute what lies along k in TF32 where that is allowed', async () => {
    setFloat32MatmulPrecision('high');
    const { error, products } = await computed({ wgmma: 'always' }, 'float32');
    expect(error).toBe(0);
    expect(products).toBeGreaterThan(0);
  });

  it('are none where they are turned off, are not worth it, or the card is another', async () => {
    expect((await computed({ wgmma: 'off' }, 'bfloat16')).products).toBe(0);
    expect((await computed({}, 'bfloat16')).products).toBe(0);
    await setStandin({ card: { multiprocessors: 4, capability: 100 } });
    expect((await computed({ wgmma: 'always' }, 'bfloat16')).products).toBe(0);
  });

  it('are asked for by the environment', async () => {
    await setStandin({ card: { multiprocessors: 4, capability: 90 } });
    process.env['TORCHLET_CUDA_WGMMA'] = 'always';
    try {
      expect((await computed({}, 'bfloat16')).products).toBeGreaterThan(0);
      process.env['TORCHLET_CUDA_WGMMA'] = 'sometimes';
      await expect(cudaStandin()).rejects.toThrow(/TORCHLET_CUDA_WGMMA: expected auto, always, off, got sometimes/);
    } finally {
      delete process.env['TORCHLET_CUDA_WGMMA'];
    }
  });
});
