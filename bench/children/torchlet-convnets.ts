/** The convolutional networks in Torchlet, written as a user writes them: PyTorch's loop, no tidy, no dispose. The device is the default one. */
import { BatchNorm2d, Conv2d, crossEntropy, Linear, Module, maxPool2d, relu, type TensorModule } from '@torchlet/nn';
import { SGD } from '@torchlet/optim';
import { fromHost, noGrad, type Tensor, tensor } from '@torchlet/tensor';
import type { ConvnetName, ConvnetSteps } from '../workloads.js';
import { WeightDraws } from './convnet-inputs.js';
import type { SteppedTrainer } from './timing.js';

class MnistCnn extends Module {
  readonly conv1 = new Conv2d(1, 16, 3, { padding: 1 });
  readonly conv2 = new Conv2d(16, 32, 3, { padding: 1 });
  readonly out = new Linear(32 * 7 * 7, 10);

  override forward(images: Tensor): Tensor {
    const early = maxPool2d(relu(this.conv1.forward(images)), 2);
    const late = maxPool2d(relu(this.conv2.forward(early)), 2);
    return this.out.forward(late.flatten(1));
  }
}

class Residual extends Module {
  readonly conv1 = new Conv2d(3, 32, 3, { padding: 1, bias: false });
  readonly norm1 = new BatchNorm2d(32);
  readonly conv2 = new Conv2d(32, 32, 3, { padding: 1, bias: false });
  readonly norm2 = new BatchNorm2d(32);
  readonly conv3 = new Conv2d(32, 32, 3, { padding: 1, bias: false });
  readonly norm3 = new BatchNorm2d(32);
  readonly out = new Linear(32, 10);

  override forward(images: Tensor): Tensor {
    const x = relu(this.norm1.forward(this.conv1.forward(images)));
    const inner = relu(this.norm2.forward(this.conv2.forward(x)));
    const joined = relu(this.norm3.forward(this.conv3.forward(inner)).add(x));
    return this.out.forward(joined.mean([2, 3]));
  }
}

const networks: Record<ConvnetName, () => TensorModule> = {
  'mnist-cnn': () => new MnistCnn(),
  residual: () => new Residual(),
};

/** The network with the shared initial weights; norms begin as they are, and biases at zero. */
export function torchletNetwork(name: ConvnetName, normals: Float32Array): TensorModule {
  const model = networks[name]();
  const draws = new WeightDraws(normals);
  noGrad(() => {
    for (const [path, parameter] of model.namedParameters()) {
      const [outputs, ...inputs] = parameter.shape;
      if (outputs !== undefined && inputs.length > 0) {
        parameter.copy_(tensor(draws.weight([outputs, ...inputs]), { shape: parameter.shape }));
      } else if (path.endsWith('bias')) parameter.zero_();
    }
  });
  return model;
}

export function torchletConvnet(normals: Float32Array, work: ConvnetSteps): SteppedTrainer {
  const model = torchletNetwork(work.network, normals);
  const optimizer = new SGD(model.parameters(), { lr: work.learningRate, momentum: work.momentum });
  let loss: Tensor | undefined;
  return {
    step({ images, labels }) {
      const scores = model.forward(fromHost(images, [work.batch, ...work.image], 'float32'));
      loss = crossEntropy(scores, fromHost(labels, [work.batch], 'uint8'));
      loss.backward();
      optimizer.step();
      optimizer.zeroGrad();
    },
    readLoss: async () => (await loss?.item()) ?? Number.NaN,
  };
}
