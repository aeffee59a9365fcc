/** TensorFlow.js on its WebGPU backend in a browser. */
import './gpu-calls.js';
import { tfTrainer } from '../children/tfjs-trainer.js';
import { measured } from './measuring.js';

measured(async () => {
  const tf = await import('peer:tfjs');
  tf.env().set('PROD', true);
  if (!(await tf.setBackend('webgpu'))) throw new Error('the WebGPU backend of TensorFlow.js did not start');
  await tf.ready();
  return {
    trainer: (normals, work) => tfTrainer(tf, normals, work),
    product(left, right, size) {
      const [a, b] = [tf.tensor(left, [size, size]), tf.tensor(right, [size, size])];
      return async () => {
        const result = tf.matMul(a, b);
        const values = await result.data();
        result.dispose();
        return values;
      };
    },
  };
});
