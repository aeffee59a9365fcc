/**
 * The same training in Node, which the page and other devices are compared with; on the CPU unless told. Owns that one run.
 */

import { type ImageDataset, toDevice, toTensor } from '@torchlet/data';
import { cpu } from '@torchlet/device-cpu';
import { crossEntropy } from '@torchlet/nn';
import { type Device, setDefaultDevice, type Tensor } from '@torchlet/tensor';
import { accuracy, evaluate, fromSafetensors, toSafetensors } from '@torchlet/train';
import { loadSampleDigits } from '../sample.js';
import { MnistModel, type Outcome, type Settings, train } from '../train.js';

export class NodeRun {
  readonly losses: readonly number[];
  readonly accuracy: number;
  /** Safetensors files. */
  readonly initialWeights: Uint8Array;
  readonly weights: Uint8Array;
  readonly #device: Device;
  readonly #outcome: Outcome;
  readonly #settings: Settings;

  private constructor(
    device: Device,
    settings: Settings,
    outcome: Outcome,
    found: Pick<NodeRun, 'losses' | 'initialWeights' | 'weights'>,
  ) {
    this.#device = device;
    this.#settings = settings;
    this.#outcome = outcome;
    this.losses = found.losses;
    this.initialWeights = found.initialWeights;
    this.weights = found.weights;
    this.accuracy = outcome.history.at(-1)?.validationMetric ?? Number.NaN;
  }

  /** @param given where to train; the CPU unless told. @param images what to train on; the sample unless told. */
  static async train(settings: Settings, given?: Device, images?: ImageDataset): Promise<NodeRun> {
    const device = given ?? (await cpu());
    setDefaultDevice(device);
    const digits = images ?? (await loadSampleDigits(toTensor));
    const losses: Tensor[] = [];
    let initialWeights = new Uint8Array();
    const outcome = await train(digits, device, settings, {
      print: () => {},
      onStart: async ({ model }) => {
        initialWeights = new Uint8Array(await toSafetensors(model.stateDict()));
      },
      onBatch: ({ loss }) => void losses.push(loss),
    });
    return new NodeRun(device, settings, outcome, {
      losses: await Promise.all(losses.map((loss) => loss.item())),
      initialWeights,
      weights: await toSafetensors(outcome.model.stateDict()),
    });
  }

  /** The accuracy of weights from a safetensors file on the digits that this run held back. */
  async accuracyOf(weights: Uint8Array): Promise<number> {
    const model = new MnistModel(this.#settings.hidden);
    model.loadStateDict(fromSafetensors(weights).tensors);
    toDevice(model, this.#device);
    const { metric = Number.NaN } = await evaluate(model, crossEntropy, this.#outcome.validLoader, {
      metric: accuracy,
    });
    return metric;
  }

  close(): void {
    this.#device.dispose();
  }
}
