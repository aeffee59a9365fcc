/** The golden cases made with PyTorch, on CUDA's driver stand-in. That each fails when altered `npm run test:long` shows. */
import { describe } from 'vitest';
import { cudaStandin } from '../../packages/device-cuda/standin/open.js';
import { driveGoldens } from '../drive-goldens.js';
import { noStandin, onStandin } from '../standin.js';

describe.skipIf(noStandin !== null)(onStandin('golden cases made with PyTorch'), () =>
  driveGoldens(() => cudaStandin(), { altered: false }),
);
