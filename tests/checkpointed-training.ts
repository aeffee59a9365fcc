/**
 * A small training that can be stopped at any step and continued from a file, on another device as well. Owns the network, its batches and what goes into a
 * checkpoint: weights and the optimiser's state as safetensors.
 */
import type { Device } from '@torchlet/device';
import { crossEntropy, Linear, Module } from '@torchlet/nn';
import { AdamW } from '@torchlet/optim';
import { manualSeed, type Tensor, tensor } from '@torchlet/tensor';
import { fromSafetensors, toSafetensors } from '@torchlet/train';

const inputs = 12;
const classes = 4;

class Net extends Module {
  readonly hidden = new Linear(inputs, 16);
  readonly out = new Linear(16, classes);

  override forward(x: Tensor): Tensor {
    return this.out.forward(this.hidden.forward(x).relu());
  }
}

export class CheckpointedTraining {
  readonly net: Net;
  readonly optimizer: AdamW;
  steps = 0;

  /** On `device`, with the same weights each time. */
  constructor(device: Device) {
    manualSeed(7);
    this.net = new Net().to(device);
    this.optimizer = new AdamW(this.net.parameters(), { lr: 0.05 });
  }

  static async continued(device: Device, checkpoint: Uint8Array): Promise<CheckpointedTraining> {
    const training = new CheckpointedTraining(device);
    const { tensors, metadata } = fromSafetensors(checkpoint);
    const named = Object.entries(tensors);
    training.net.loadStateDict(
      Object.fromEntries(
        named.flatMap(([name, value]) => (name.startsWith(model) ? [[name.slice(model.length), value]] : [])),
      ),
    );
    const state: Record<number, Record<string, Tensor>> = {};
    for (const [name, value] of named) {
      const [, position, key] = /^optimizer\.(\d+)\.(.*)$/.exec(name) ?? [];
      if (position !== undefined && key !== undefined)
        state[Number(position)] = { ...state[Number(position)], [key]: value };
    }
    training.optimizer.loadStateDict({ ...training.optimizer.stateDict(), state });
    training.steps = Number(metadata['steps']);
    return training;
  }

  /** Weights, state and the number of steps, as the bytes of a file. */
  async checkpoint(): Promise<Uint8Array> {
    const { state } = this.optimizer.stateDict();
    const weights = Object.entries(this.net.stateDict()).map(([name, value]) => [`${model}${name}`, value] as const);
    const moments = Object.entries(state).flatMap(([position, entries]) =>
      Object.entries(entries).map(([key, value]) => [`optimizer.${position}.${key}`, value] as const),
    );
    return toSafetensors(Object.fromEntries([...weights, ...moments]), { steps: String(this.steps) });
  }

  /** Forward and backward pass of a step, recorded. @param rows of the batch. */
  record(rows = 8): Tensor {
    const [images, labels] = batch(this.steps, rows);
    const loss = crossEntropy(this.net.forward(images), labels);
    loss.backward();
    return loss;
  }

  /** The update of what was recorded: submitted when it returns. */
  update(): void {
    this.optimizer.step();
    this.optimizer.zeroGrad();
    this.steps++;
  }

  /** Trains until `steps` are done. @returns the loss of each step. */
  async until(steps: number): Promise<number[]> {
    const losses: number[] = [];
    while (this.steps < steps) {
      const loss = this.record();
      this.update();
      losses.push((await loss.item()) as number);
    }
    return losses;
  }
}

const model = 'model.';

/** The same for the same step: images that say which class they are, with something added. */
function batch(step: number, rows: number): [images: Tensor, labels: Tensor] {
  const labels = Array.from({ length: rows }, (_, row) => (row * 7 + step) % classes);
  const pixels = labels.flatMap((label, row) =>
    Array.from(
      { length: inputs },
      (_, i) => (i % classes === label ? 1 : 0) + Math.sin(step * 31 + row * 13 + i * 7) / 2,
    ),
  );
  return [
    tensor(Float32Array.from(pixels), { shape: [rows, inputs] }),
    tensor(BigInt64Array.from(labels, BigInt), { shape: [rows] }),
  ];
}
