/**
 * Convolutions of programs by the stand-in of cuDNN: which of their products it is given, that values and gradients are those of the CPU, and a network that trains
 * with it in graphs. What it is asked is a test of `device-cuda`; suites and goldens with it are `cuda-libraries.long.test.ts`.
 */
import type { Device } from '@torchlet/device';
import { cpu } from '@torchlet/device-cpu';
import type { CudaInfo, LibraryUse } from '@torchlet/device-cuda';
import {
  BatchNorm2d,
  Conv2d,
  type ConvOptions,
  type ConvTransposeOptions,
  conv1d,
  conv2d,
  conv3d,
  convTranspose2d,
  crossEntropy,
  Flatten,
  Linear,
  MaxPool2d,
  ReLU,
  Sequential,
} from '@torchlet/nn';
import { SGD } from '@torchlet/optim';
import { manualSeed, randn, setDefaultDevice, type Tensor, tensor } from '@torchlet/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cudaStandin } from '../../packages/device-cuda/standin/open.js';
import { noStandin, onStandin } from '../standin.js';

type Convolve = (x: Tensor, weight: Tensor, bias: Tensor | null, options: ConvOptions) => Tensor;

interface Case {
  readonly convolve?: Convolve;
  readonly x: readonly number[];
  readonly weight: readonly number[];
  readonly options?: ConvOptions;
  /** Whether cuDNN computes the output, the gradient of the input, which is a convolution of the output's, and that of the weights: all three unless told. */
  readonly given?: Partial<Record<keyof Results, boolean>>;
}

const x = [2, 3, 9, 8];
const nothing = { output: false, ofInput: false, ofWeight: false };
const cases: Readonly<Record<string, Case>> = {
  plain: { x, weight: [4, 3, 3, 2] },
  'strided and padded': { x, weight: [4, 3, 3, 3], options: { stride: 2, padding: 1 } },
  dilated: { x, weight: [4, 3, 3, 2], options: { dilation: 2, padding: 1 } },
  'one channel': { x: [4, 1, 9, 8], weight: [8, 1, 3, 3], options: { padding: 'same' } },
  'groups of channels': { x: [2, 6, 9, 8], weight: [4, 3, 3, 2], options: { groups: 2, padding: 1 } },
  depthwise: { x: [2, 6, 9, 8], weight: [6, 1, 3, 2], options: { groups: 6, padding: 1 } },
  'one dim': { convolve: conv1d, x: [2, 3, 9], weight: [4, 3, 3], options: { padding: 1 } },
  'three dims': { convolve: conv3d, x: [2, 3, 4, 5, 4], weight: [4, 3, 3, 2, 2], options: { padding: 1 } },
  // A product of matrices, which cuBLASLt computes.
  'one pixel': { x, weight: [4, 3, 1, 1], given: nothing },
  'padded on one side': { x, weight: [4, 3, 2, 2], options: { padding: 'same' }, given: nothing },
  'transposed and strided': {
    convolve: (x, weight, bias, options) => convTranspose2d(x, weight, bias, options as ConvTransposeOptions),
    x: [2, 3, 5, 4],
    weight: [3, 4, 3, 3],
    options: { stride: 2, padding: 1 },
  },
  transposed: { convolve: convTranspose2d as Convolve, x: [2, 3, 5, 4], weight: [3, 4, 3, 2] },
};

/** Sums of float32 in another order, next to the greatest of them. */
const sumsInAnotherOrder = 1e-5;

interface Results {
  readonly output: readonly number[];
  readonly ofInput: readonly number[];
  readonly ofWeight: readonly number[];
}

/** @param after is told when one of the results was computed. */
async function resultsOn(
  device: Device,
  { convolve = conv2d, x, weight, options = {} }: Case,
  after: (part: keyof Results) => void = () => undefined,
): Promise<Results> {
  setDefaultDevice(device);
  manualSeed(3);
  const filled = async (shape: readonly number[]): Promise<Tensor> => {
    const made = randn(shape);
    await made.array();
    return made;
  };
  const [input, filter] = [(await filled(x)).requiresGrad_(true), (await filled(weight)).requiresGrad_(true)];
  const read = async (part: keyof Results, of: Tensor): Promise<number[]> => {
    const values = (await of.detach().flatten().array()) as number[];
    after(part);
    return values;
  };
  const output = await read('output', convolve(input, filter, null, options));
  const gradientOf = async (part: 'ofInput' | 'ofWeight'): Promise<number[]> => {
    const [one, other] = part === 'ofInput' ? [input, filter] : [filter, input];
    one.grad = null;
    const y = convolve(
      ...([input, filter].map((each) => (each === one ? each : other.detach())) as [Tensor, Tensor]),
      null,
      options,
    );
    const upstream = await filled(y.shape);
    y.backward(upstream);
    return read(part, one.grad as unknown as Tensor);
  };
  return { output, ofInput: await gradientOf('ofInput'), ofWeight: await gradientOf('ofWeight') };
}

describe.skipIf(noStandin !== null)(onStandin('convolutions by the stand-in of cuDNN'), () => {
  let reference: Device;
  beforeAll(async () => {
    reference = await cpu();
  });
  afterAll(() => reference.dispose());

  it.each(Object.entries(cases))('%s', async (_, each) => {
    const expected = await resultsOn(reference, each);
    const device = await cudaStandin({ libraries: 'always' });
    const askedSoFar = (): number => device.info().libraries.find(({ name }) => name === 'cuDNN')?.products.asked ?? 0;
    const given: Record<string, boolean> = {};
    let before = 0;
    const results = await resultsOn(device, each, (part) => {
      given[part] = askedSoFar() > before;
      before = askedSoFar();
    });
    device.dispose();
    for (const part of ['output', 'ofInput', 'ofWeight'] as const) {
      const greatest = Math.max(...expected[part].map(Math.abs));
      const apart = expected[part].map((value, i) => Math.abs(value - (results[part][i] as number)));
      expect(Math.max(...apart)).toBeLessThan(sumsInAnotherOrder * greatest);
    }
    expect(given).toEqual({ output: true, ofInput: true, ofWeight: true, ...each.given });
  });

  it('a network learns with it as without it, in graphs', async () => {
    const own = await trained('off');
    const { losses, info } = await trained('always');
    for (const [i, loss] of losses.entries()) expect(loss).toBeCloseTo(own.losses[i] as number, 4);
    expect(losses.at(-1)).toBeLessThan((losses[0] as number) / 2);
    const [, cuDNN] = info.libraries;
    expect(cuDNN?.products).toMatchObject({ refused: 0 });
    expect(info.graphs).toEqual(own.info.graphs);
  });
});

/** A small network of convolutions, one of them strided and one beside the others, as residual networks have them. */
async function trained(libraries: LibraryUse): Promise<{ losses: readonly number[]; info: CudaInfo }> {
  const device = await cudaStandin({ libraries });
  setDefaultDevice(device);
  manualSeed(5);
  const first = new Sequential(new Conv2d(1, 4, 3, { padding: 1 }), new BatchNorm2d(4), new ReLU());
  const second = new Conv2d(4, 8, 3, { stride: 2, padding: 1 });
  const beside = new Conv2d(4, 8, 3, { stride: 2, padding: 1, bias: false });
  const last = new Sequential(new ReLU(), new MaxPool2d(2), new Flatten(), new Linear(32, 2));
  const optimizer = new SGD(
    [first, second, beside, last].flatMap((part) => [...part.parameters()]),
    { lr: 0.1 },
  );
  const losses: number[] = [];
  const rows = 6;
  for (let step = 0; step < 12; step++) {
    const labels = BigInt64Array.from({ length: rows }, (_, row) => BigInt(row % 2));
    const pixels = Float32Array.from({ length: rows * 64 }, (_, i) => {
      const [row, column] = [Math.floor((i % 64) / 8), i % 8];
      return (labels[Math.floor(i / 64)] === 0n ? row : column) % 2 === 0 ? Math.cos(i * 3 + step) / 4 : 1;
    });
    const seen = first.forward(tensor(pixels, { shape: [rows, 1, 8, 8] }));
    const logits = last.forward(second.forward(seen).add(beside.forward(seen)));
    const loss = crossEntropy(logits, tensor(labels, { shape: [rows] }));
    loss.backward();
    optimizer.step();
    optimizer.zeroGrad();
    losses.push(Number(await loss.item()));
  }
  const info = device.info();
  device.dispose();
  return { losses, info };
}
