/**
 * Products by the stand-in of cuBLASLt where the device can give them to it: the suites in which kernels decide, and the golden cases of linear algebra, modules
 * and training. Every suite and every case with it is one of `cuda-modes.long.test.ts`.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { cudaStandin, standinOpener } from '../../packages/device-cuda/standin/open.js';
import { type Counts, type StandinWatch, watchStandin } from '../../packages/device-cuda/standin/watch.js';
import { driveGoldens } from '../drive-goldens.js';
import { driveSuites } from '../drive-suites.js';
import { noStandin, onStandin } from '../standin.js';

const options = { libraries: 'always' } as const;
const groups = ['linalg', 'modules', 'training'];

describe.skipIf(noStandin !== null)(onStandin('products by the stand-in of cuBLASLt'), () => {
  let watch: StandinWatch;
  let before: Counts;
  beforeAll(async () => {
    watch = await watchStandin();
    before = watch.calls();
  });
  driveSuites(standinOpener(options), (suite) => suite === 'device' || suite === 'programs');
  describe('golden cases made with PyTorch', () =>
    driveGoldens(() => cudaStandin(options), { altered: false, groups }));
  it('computes the products', () => {
    const { cublasLtMatmul = 0, cublasLtMatmulAlgoGetHeuristic = 0 } = watch.callsSince(before);
    expect(cublasLtMatmulAlgoGetHeuristic).toBeGreaterThan(10);
    // Each is tried once, and then computes.
    expect(cublasLtMatmul).toBeGreaterThan(2 * cublasLtMatmulAlgoGetHeuristic);
  });
});
