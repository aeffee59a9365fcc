/**
 * Products and convolutions by the stand-ins of cuBLASLt and cuDNN where the device can give them to these: the suites in which kernels decide, and the golden cases
 * of linear algebra, functions, modules and training. Every suite and every case with them is one of `cuda-modes.long.test.ts`.
 */
import { type Tensor, tensor } from '@torchlet/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import { cudaStandin, standinOpener } from '../../packages/device-cuda/standin/open.js';
import { type Counts, type StandinWatch, watchStandin } from '../../packages/device-cuda/standin/watch.js';
import { driveGoldens } from '../drive-goldens.js';
import { driveSuites } from '../drive-suites.js';
import { noStandin, onStandin } from '../standin.js';

const options = { libraries: 'always' } as const;
const groups = ['linalg', 'functional', 'modules', 'training'];

describe.skipIf(noStandin !== null)(onStandin('products and convolutions by stand-ins of libraries'), () => {
  let watch: StandinWatch;
  let before: Counts;
  beforeAll(async () => {
    watch = await watchStandin();
    before = watch.calls();
  });
  driveSuites(standinOpener(options), (suite) => suite === 'device' || suite === 'programs');
  describe('golden cases made with PyTorch', () =>
    driveGoldens(() => cudaStandin(options), { altered: false, groups }));
  it('a linear layer is one product, with its bias where that is exact', async () => {
    const device = await cudaStandin(options);
    const rows = [
      [[1, 2, 3]],
      [
        [1, 0, 1],
        [0, 2, 0],
      ],
      [[10, 20]],
    ];
    const callsOf = async (dtype: 'float32' | 'bfloat16') => {
      const [x, weight, bias] = rows.map((values) => tensor(values, { device, dtype })) as [Tensor, Tensor, Tensor];
      for (const each of [x, weight, bias]) await each.array();
      const start = watch.calls();
      expect(await x.matmul(weight.transpose(0, 1)).add(bias).array()).toEqual([[14, 24]]);
      const { cublasLtMatmul = 0, cuLaunchKernel = 0 } = watch.callsSince(start);
      return { cublasLtMatmul, cuLaunchKernel };
    };
    // Once when it was tried, once to compute.
    expect(await callsOf('float32')).toEqual({ cublasLtMatmul: 2, cuLaunchKernel: 0 });
    expect(await callsOf('bfloat16')).toEqual({ cublasLtMatmul: 2, cuLaunchKernel: 1 });
    device.dispose();
  });
  it('computes the products', () => {
    const { cublasLtMatmul = 0, cublasLtMatmulAlgoGetHeuristic = 0 } = watch.callsSince(before);
    expect(cublasLtMatmulAlgoGetHeuristic).toBeGreaterThan(10);
    // Each is tried once, and then computes.
    expect(cublasLtMatmul).toBeGreaterThan(2 * cublasLtMatmulAlgoGetHeuristic);
  });
  it('computes the convolutions, and gradients of their weights', () => {
    const { cudnnConvolutionForward = 0, cudnnConvolutionBackwardFilter = 0 } = watch.callsSince(before);
    expect(cudnnConvolutionForward).toBeGreaterThan(20);
    expect(cudnnConvolutionBackwardFilter).toBeGreaterThan(10);
  });
});
