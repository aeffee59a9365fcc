/** The networks of the cases in Torchlet, and a training step of each: PyTorch's loop, no tidy, no dispose. Their sizes are `cases.ts`'s. */
import type { Device } from '@torchlet/device';
import {
  Conv2d,
  crossEntropy,
  Embedding,
  LayerNorm,
  Linear,
  Module,
  ModuleList,
  maxPool2d,
  Parameter,
  ReLU,
  relu,
  Sequential,
  scaledDotProductAttention,
  type TensorModule,
} from '@torchlet/nn';
import { AdamW, SGD } from '@torchlet/optim';
import {
  autocast,
  compile,
  gelu,
  noGrad,
  randint,
  randn,
  setFloat32MatmulPrecision,
  type Tensor,
} from '@torchlet/tensor';
import { classCount, imageSide, kernelSide, type Network, type Precision, type StepCase } from './cases.js';

class ConvNet extends Module {
  readonly first: Conv2d;
  readonly second: Conv2d;
  readonly hidden: Linear;
  readonly out: Linear;

  constructor([first, second]: readonly [number, number], hidden: number) {
    super();
    const last = ((imageSide - kernelSide + 1) / 2 - kernelSide + 1) / 2;
    this.first = new Conv2d(1, first, kernelSide);
    this.second = new Conv2d(first, second, kernelSide);
    this.hidden = new Linear(second * last ** 2, hidden);
    this.out = new Linear(hidden, classCount);
  }

  override forward(images: Tensor): Tensor {
    const early = maxPool2d(relu(this.first.forward(images)), 2);
    const late = maxPool2d(relu(this.second.forward(early)), 2);
    return this.out.forward(relu(this.hidden.forward(late.flatten(1))));
  }
}

class Block extends Module {
  readonly heads: number;
  readonly attentionNorm: LayerNorm;
  readonly wideNorm: LayerNorm;
  readonly queriesKeysValues: Linear;
  readonly joined: Linear;
  readonly wide: Linear;
  readonly narrow: Linear;

  constructor(width: number, heads: number) {
    super();
    this.heads = heads;
    this.attentionNorm = new LayerNorm(width);
    this.wideNorm = new LayerNorm(width);
    this.queriesKeysValues = new Linear(width, 3 * width);
    this.joined = new Linear(width, width);
    this.wide = new Linear(width, 4 * width);
    this.narrow = new Linear(4 * width, width);
  }

  override forward(x: Tensor): Tensor {
    const [batch = 0, length = 0, width = 0] = x.shape;
    const mixed = this.queriesKeysValues
      .forward(this.attentionNorm.forward(x))
      .reshape(batch, length, 3, this.heads, width / this.heads)
      .permute(2, 0, 3, 1, 4);
    const [queries, keys, values] = [mixed.at(0), mixed.at(1), mixed.at(2)];
    const seen = scaledDotProductAttention(queries, keys, values, { isCausal: true });
    const attended = x.add(this.joined.forward(seen.transpose(1, 2).reshape(batch, length, width)));
    const widened = gelu(this.wide.forward(this.wideNorm.forward(attended)), { approximate: 'tanh' });
    return attended.add(this.narrow.forward(widened));
  }
}

class Gpt extends Module {
  readonly tokens: Embedding;
  readonly positions: Parameter;
  readonly blocks: ModuleList<Block>;
  readonly norm: LayerNorm;
  readonly logits: Linear;

  constructor({ width, blocks, heads, length, vocabulary }: Extract<Network, { kind: 'gpt' }>) {
    super();
    this.tokens = new Embedding(vocabulary, width);
    this.positions = new Parameter(randn([length, width]).mul(0.02));
    this.blocks = new ModuleList(Array.from({ length: blocks }, () => new Block(width, heads)));
    this.norm = new LayerNorm(width);
    this.logits = new Linear(width, vocabulary, { bias: false });
  }

  override forward(indices: Tensor): Tensor {
    let x = this.tokens.forward(indices).add(this.positions);
    for (const block of this.blocks) x = block.forward(x);
    return this.logits.forward(this.norm.forward(x));
  }
}

interface Task {
  readonly model: TensorModule;
  readonly inputs: Tensor;
  readonly targets: Tensor;
}

function taskOf(network: Network, batch: number): Task {
  switch (network.kind) {
    case 'mlp': {
      const layers = network.widths
        .slice(1)
        .flatMap((width, i) => [new Linear(network.widths[i] ?? 0, width), new ReLU()]);
      return {
        model: new Sequential(...layers.slice(0, -1)),
        inputs: randn([batch, network.widths[0] ?? 0]),
        targets: randint(0, network.widths.at(-1) ?? 0, [batch]),
      };
    }
    case 'cnn':
      return {
        model: new ConvNet(network.channels, network.hidden),
        inputs: randn([batch, 1, imageSide, imageSide]),
        targets: randint(0, classCount, [batch]),
      };
    case 'gpt': {
      const { length, vocabulary } = network;
      return {
        model: new Gpt(network),
        inputs: randint(0, vocabulary, [batch, length]),
        targets: randint(0, vocabulary, [batch, length]),
      };
    }
    default:
      return network satisfies never;
  }
}

/** Lets float32 products be computed as `precision` says, until the next call. */
export function usePrecision(precision: Precision): void {
  setFloat32MatmulPrecision(precision === 'float32' ? 'highest' : 'high');
}

/** Whether a step is recorded each time, as PyTorch's loop is, or recorded once and run again. */
export type How = 'loop' | 'compiled';

/** The step of a case on the default device, which gives the loss without waiting for it. */
export function trainingStep(
  { network, batch, optimizer: kind, precision }: StepCase,
  device: Device,
  how: How = 'loop',
): () => Tensor {
  const { model, inputs, targets } = taskOf(network, batch);
  inputs.store();
  const classes = targets.reshape(-1).store();
  const optimizer =
    kind === 'sgd' ? new SGD(model.parameters(), { lr: 0.01 }) : new AdamW(model.parameters(), { lr: 1e-3 });
  const step = (x: Tensor, y: Tensor): Tensor => {
    const forward = (): Tensor => model.forward(x);
    const logits = precision === 'bfloat16' ? autocast(device, 'bfloat16', forward) : forward();
    const loss = crossEntropy(logits.reshape(y.size(0), -1).to('float32'), y);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss;
  };
  const run = how === 'compiled' ? compile(step) : step;
  return () => run(inputs, classes);
}

/** `target` becomes what `compute` gives, at its own address, as with PyTorch's `out=`. Submitted when it returns. */
export function into(target: Tensor, compute: () => Tensor): void {
  noGrad(() => target.copy_(compute()));
  target.evaluateNow();
}
