import { cpu } from '@torchlet/device-cpu';
import type { Device } from '@torchlet/device';
import { beforeAll, describe, expect, it, test } from 'vitest';
import * as torch from '../src/index.js';
import { autocast, setDefaultDevice, setFloat32MatmulPrecision, type Tensor, tensor } from '../src/index.js';

let device: Device;

beforeAll(async () => {
  device = await cpu();
  setDefaultDevice(device);
});

const float = (shape: number[], from = 0.25): Tensor =>
  tensor(
    Float32Array.from({ length: shape.reduce((n, length) => n * length, 1) }, (_, i) => from + i / 16),
    { shape },
  );
const half = (shape: number[], from?: number): Tensor => float(shape, from).to('bfloat16');

/** PyTorch's lists, as far as this package has the operations: what each gives of bfloat16 operands, and of float32 ones. */
const narrow: Record<string, (make: typeof float) => Tensor> = {
  matmul: (x) => x([2, 3]).matmul(x([3, 2])),
  mm: (x) => torch.mm(x([2, 3]), x([3, 2])),
  bmm: (x) => torch.bmm(x([2, 2, 3]), x([2, 3, 2])),
  mv: (x) => torch.mv(x([2, 3]), x([3])),
  linear: (x) => torch.linear(x([2, 3]), x([4, 3]), x([4])),
  addmm: (x) => torch.addmm(x([2, 2]), x([2, 3]), x([3, 2])),
  addmv: (x) => torch.addmv(x([2]), x([2, 3]), x([3])),
  baddbmm: (x) => torch.baddbmm(x([2, 2, 2]), x([2, 2, 3]), x([2, 3, 2])),
  einsum: (x) => torch.einsum('ij,jk->ik', x([2, 3]), x([3, 2])),
  prelu: (x) => torch.prelu(x([2, 3]), x([1])),
};
const wide: Record<string, (make: typeof float) => Tensor> = {
  acos: (x) => torch.acos(x([2])),
  asin: (x) => torch.asin(x([2])),
  cosh: (x) => torch.cosh(x([2])),
  sinh: (x) => torch.sinh(x([2])),
  tan: (x) => x([2]).tan(),
  exp: (x) => x([2]).exp(),
  expm1: (x) => x([2]).expm1(),
  log: (x) => x([2]).log(),
  log1p: (x) => x([2]).log1p(),
  log2: (x) => x([2]).log2(),
  log10: (x) => x([2]).log10(),
  pow: (x) => x([2]).pow(3),
  'pow of a tensor': (x) => x([2]).pow(x([2])),
  reciprocal: (x) => x([2]).reciprocal(),
  rsqrt: (x) => x([2]).rsqrt(),
  sum: (x) => x([2]).sum(),
  prod: (x) => x([2]).prod(),
  cumsum: (x) => torch.cumsum(x([2]), 0),
  cumprod: (x) => torch.cumprod(x([2]), 0),
  softmax: (x) => x([2]).softmax(0),
  logSoftmax: (x) => x([2]).logSoftmax(0),
  softmin: (x) => torch.softmin(x([2]), 0),
  softplus: (x) => torch.softplus(x([2])),
  norm: (x) => torch.norm(x([2])),
  dist: (x) => torch.dist(x([2]), x([2], 1)),
};
const asGiven: Record<string, (make: typeof float) => Tensor> = {
  add: (x) => x([2]).add(x([2])),
  relu: (x) => x([2]).relu(),
  sigmoid: (x) => x([2]).sigmoid(),
  tanh: (x) => x([2]).tanh(),
  gelu: (x) => torch.gelu(x([2])),
  silu: (x) => torch.silu(x([2])),
  mean: (x) => x([2]).mean(),
  sqrt: (x) => x([2]).sqrt(),
  amax: (x) => x([2]).amax(),
};

describe('autocast', () => {
  test.each(Object.keys(narrow))('%s computes in the dtype that is asked for', (name) => {
    const run = narrow[name] as (typeof narrow)[string];
    for (const make of [float, half]) {
      expect(autocast(device, 'bfloat16', () => run(make)).dtype).toBe('bfloat16');
      expect(autocast(device, 'float16', () => run(make)).dtype).toBe('float16');
    }
    expect(run(float).dtype).toBe('float32');
  });

  test.each(Object.keys(wide))('%s computes in float32', (name) => {
    const run = wide[name] as (typeof wide)[string];
    for (const make of [float, half]) expect(autocast(device, 'bfloat16', () => run(make)).dtype).toBe('float32');
    expect(run(half).dtype).toBe('bfloat16');
  });

  test.each(Object.keys(asGiven))('%s computes in the dtype of its operands', (name) => {
    const run = asGiven[name] as (typeof asGiven)[string];
    expect(autocast(device, 'bfloat16', () => run(float)).dtype).toBe('float32');
    expect(autocast(device, 'bfloat16', () => run(half)).dtype).toBe('bfloat16');
  });

  it('gives the product of rounded factors, and leaves float64 and the dtype that is asked for alone', async () => {
    const [a, b] = [float([2, 3], 1 / 3), float([3, 2], 1 / 7)];
    const rounded = a.to('bfloat16').matmul(b.to('bfloat16'));
    expect(await autocast(device, 'bfloat16', () => a.matmul(b)).data()).toEqual(await rounded.data());
    expect(autocast(device, 'bfloat16', () => a.double().matmul(b.double())).dtype).toBe('float64');
    expect(autocast(device, 'bfloat16', () => half([2]).sum(0, { dtype: 'bfloat16' })).dtype).toBe('bfloat16');
  });

  it('nests, ends where its function does, and can be off for a part', () => {
    const product = (): string => float([2, 2]).matmul(float([2, 2])).dtype;
    const seen = autocast(device, 'bfloat16', () => [
      product(),
      autocast(device, 'float16', product),
      autocast(device, 'float16', product, { enabled: false }),
      product(),
      torch.isAutocastEnabled(),
    ]);
    expect(seen).toEqual(['bfloat16', 'float16', 'float32', 'bfloat16', true]);
    expect(() => autocast(device, 'bfloat16', () => expect.fail('left by an error'))).toThrow('left by an error');
    expect([product(), torch.isAutocastEnabled()]).toEqual(['float32', false]);
  });

  it('gives gradients in the dtype of their leaf, the same inside the scope as after it', async () => {
    const gradientsOf = async (backwardInside: boolean): Promise<number[][]> => {
      const w = tensor(Float32Array.from([0.3, -1.7, 2.1, 0.9]), { shape: [2, 2], requiresGrad: true });
      const x = float([3, 2], -0.4).requiresGrad_();
      const loss = autocast(device, 'bfloat16', () => {
        const inner = x.matmul(w).exp().pow(2).softmax(1).pow(3).sum();
        if (backwardInside) inner.backward();
        return inner;
      });
      if (!backwardInside) loss.backward();
      expect([w.grad?.dtype, x.grad?.dtype]).toEqual(['float32', 'float32']);
      return [Array.from(await (w.grad as Tensor).data(), Number), Array.from(await (x.grad as Tensor).data(), Number)];
    };
    const after = await gradientsOf(false);
    expect(await gradientsOf(true)).toEqual(after);
    // The derivative of the product itself is rounded as the product was.
    for (const g of after.flat()) expect(Math.abs(g)).toBeGreaterThan(0);
  });

  it('refuses an async function, and a device without the dtype', () => {
    expect(() => autocast(device, 'bfloat16', async () => 1)).toThrow('autocast: expected a synchronous function');
    const storedBytes = { ...device.capabilities.storedBytes, bfloat16: 0 };
    const without = { name: 'other', capabilities: { ...device.capabilities, storedBytes } } as Device;
    expect(() => autocast(without, 'bfloat16', () => 1)).toThrow('autocast: other does not compute in bfloat16');
    expect(autocast(without, 'bfloat16', () => 1, { enabled: false })).toBe(1);
  });
});

describe('setFloat32MatmulPrecision', () => {
  it('is told to the device with the products recorded from then on, those of float32 alone', async () => {
    const programs: string[] = [];
    const { compile } = device;
    const product = async (dtype: 'float32' | 'float64'): Promise<string> => {
      const count = programs.length;
      await float([5, 7])
        .to(dtype)
        .matmul(float([7, 3]).to(dtype))
        .data();
      return programs.slice(count).join();
    };
    device.compile = (program) => {
      programs.push(
        program.kernels.map((kernel) => (kernel.kind === 'matmul' ? (kernel.precision ?? 'highest') : '')).join(''),
      );
      return compile.call(device, program);
    };
    try {
      expect(await product('float32')).toBe('highest');
      setFloat32MatmulPrecision('high');
      expect(torch.getFloat32MatmulPrecision()).toBe('high');
      expect(await product('float32')).toBe('high');
      expect(await product('float64')).toBe('highest');
      setFloat32MatmulPrecision('highest');
      // Both plans are known by now.
      expect(await product('float32')).toBe('');
    } finally {
      setFloat32MatmulPrecision('highest');
      device.compile = compile;
    }
    expect(() => setFloat32MatmulPrecision('medium' as never)).toThrow('expected highest or high, got medium');
  });
});
