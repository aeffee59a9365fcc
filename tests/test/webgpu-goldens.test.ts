/** The golden cases made with PyTorch, on WebGPU. That each fails when altered `npm run test:long` shows. */
import { webgpu } from '@torchlet/device-webgpu';
import { describe } from 'vitest';
import { noAdapter, titled } from '../adapter.js';
import { driveGoldens } from '../drive-goldens.js';

describe.skipIf(noAdapter !== null)(titled('golden cases made with PyTorch, on WebGPU'), () =>
  driveGoldens(() => webgpu(), { altered: false }),
);
