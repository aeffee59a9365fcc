/** The MLP in Torchlet, written as a user writes it: PyTorch's loop, no tidy, no dispose. What trains it in Node and in a browser; the device is the default one. */
import { crossEntropy, Linear, ReLU, Sequential, type TensorModule } from '@torchlet/nn';
import { SGD } from '@torchlet/optim';
import { fromHost, noGrad, type Tensor, tensor } from '@torchlet/tensor';
import type { Training } from '../workloads.js';
import { accuracyOf, type Batch, initialWeights } from './shared-inputs.js';
import type { Trainer } from './timing.js';

const PIXELS = 784;

/** Linear layers with ReLU between them, and the shared initial weights. */
export function modelOf(normals: Float32Array, widths: readonly number[]): Sequential {
  const layers = initialWeights(normals, widths).flatMap(({ inputs, outputs, weight }): TensorModule[] => {
    const layer = new Linear(inputs, outputs);
    noGrad(() => {
      layer.weight.copy_(tensor(weight, { shape: [inputs, outputs] }).t());
      layer.bias?.zero_();
    });
    return [layer, new ReLU()];
  });
  return new Sequential(...layers.slice(0, -1));
}

/** The batch without a copy, as a loader hands it over: `step()` has read the arrays before they are filled again. */
export function tensorsOf({ images, labels }: Batch): [Tensor, Tensor] {
  return [fromHost(images, [labels.length, PIXELS], 'float32'), fromHost(labels, [labels.length], 'uint8')];
}

export function torchletTrainer(normals: Float32Array, work: Training): Trainer {
  const model = modelOf(normals, work.widths);
  const optimizer = new SGD(model.parameters(), { lr: work.learningRate });
  let loss: Tensor | undefined;
  const train = (images: Tensor, labels: Tensor) => {
    loss = crossEntropy(model.forward(images), labels);
    loss.backward();
    optimizer.step();
    optimizer.zeroGrad();
  };
  let all: Tensor | undefined;
  return {
    step: (batch) => train(...tensorsOf(batch)),
    // As PyTorch does: the images are a tensor, and a batch is picked from it.
    stepRows({ rows, labels }, images) {
      all ??= tensor(images, { shape: [images.length / PIXELS, PIXELS] }).store();
      const picked = all.indexSelect(0, fromHost(rows, [rows.length], 'int32'));
      train(picked, fromHost(labels, [labels.length], 'uint8'));
    },
    lastLoss: async () => (await loss?.item()) ?? Number.NaN,
    readLoss: async () => (await loss?.item()) ?? Number.NaN,
    accuracy: async ({ images, labels }) => {
      const scores = noGrad(() => model.forward(fromHost(images, [labels.length, PIXELS], 'float32')));
      return accuracyOf((await scores.data()) as Float32Array, labels);
    },
  };
}
