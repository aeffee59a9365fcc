/** Torchlet in a browser. */
import './gpu-calls.js';
import { webgpu } from '@torchlet/device-webgpu';
import { setDefaultDevice, tensor } from '@torchlet/tensor';
import { torchletTrainer } from '../children/torchlet-trainer.js';
import { measured } from './measuring.js';

measured(async () => {
  setDefaultDevice(await webgpu());
  return {
    trainer: torchletTrainer,
    product(left, right, size) {
      const [a, b] = [left, right].map((values) => tensor(values, { shape: [size, size] }).store());
      if (a === undefined || b === undefined) throw new Error('there are two factors');
      return async () => (await a.matmul(b).data()) as Float32Array;
    },
  };
});
