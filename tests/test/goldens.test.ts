/** The golden cases made with PyTorch, on the CPU device. Skipped by name where TORCHLET_GOLDENS names no folder. */
import { cpu } from '@torchlet/device-cpu';
import { describe } from 'vitest';
import { driveGoldens } from '../drive-goldens.js';

describe('golden cases made with PyTorch', () => driveGoldens(() => cpu(), { altered: true }));
