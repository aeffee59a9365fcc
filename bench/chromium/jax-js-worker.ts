/** jax-js on its WebGPU device in a browser. */
import './gpu-calls.js';
import { arrayOf, type JaxArray, jaxTrainer } from '../children/jax-js-trainer.js';
import { measured } from './measuring.js';

measured(async () => {
  const jax = await import('peer:jax-js');
  await jax.init('webgpu');
  jax.defaultDevice('webgpu');
  return {
    trainer: (normals, work) => jaxTrainer(jax, normals, work),
    product(left, right, size) {
      const [a, b] = [arrayOf(jax, left, [size, size]), arrayOf(jax, right, [size, size])];
      const compiled = jax.jit((x: JaxArray, y: JaxArray) => jax.numpy.matmul(x, y));
      return () => compiled(a.ref, b.ref).data();
    },
  };
});
