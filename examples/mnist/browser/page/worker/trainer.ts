/**
 * The worker's half of the page: trains, reads digits, gives and takes weights. Owns the network, its device and the run under way; what
 * is trained, and how, is `train.ts`, the same file that Node runs. Read `run-control.ts` and `reading.ts` next.
 */

import { DataLoader, DeviceDataLoader, type ImageDataset, toDevice } from '@torchlet/data';
import type { Device } from '@torchlet/device';
import { crossEntropy, type StateDict } from '@torchlet/nn';
import { accuracy, evaluate, fromSafetensors, toSafetensors } from '@torchlet/train';
import { Counter } from '../../../results.js';
import { type HiddenSizes, MnistModel, type Run, train } from '../../../train.js';
import type {
  Assets,
  DataName,
  DeviceName,
  DeviceState,
  OpenedWeights,
  PageResults,
  Hear,
  Place,
  TrainingSettings,
} from '../protocol.js';
import { Devices } from './devices.js';
import { loadFull } from './full-digits.js';
import { heard, type Tell } from './heard.js';
import { LossFeed } from './loss-feed.js';
import { findMistakes, type Network, readDigit } from './reading.js';
import { RunControl } from './run-control.js';
import { loadSample } from './sample-digits.js';

/** What went wrong is thrown to the page, whose every call is a promise. */
export class Trainer {
  readonly #devices = new Devices();
  readonly #digits = new Map<DataName, ImageDataset>();
  #assets: Assets = { sample: '', mirrors: [] };
  #network: Network | undefined;
  #control = new RunControl();

  /** To be called once, first. */
  start(assets: Assets): Promise<DeviceState[]> {
    this.#assets = assets;
    return this.#devices.states();
  }

  /** Trains a new network to the end, or until it is stopped; that network then reads digits. */
  train(settings: TrainingSettings, hear: Hear): Promise<PageResults> {
    return heard(hear, (tell) => this.#train(settings, tell));
  }

  async #train(settings: TrainingSettings, tell: Tell): Promise<PageResults> {
    const control = new RunControl();
    this.#control = control;
    const digits = await this.#load(settings.data, tell, control.signal);
    const device = await this.#use(settings.device);
    const counter = new Counter(device);
    const losses = new LossFeed(tell);
    let validIndices: readonly number[] = [];
    const outcome = await train(digits, device, settings, {
      print: (text) => tell({ kind: 'line', text }),
      signal: control.signal,
      onStart: (run) => {
        this.#network = run;
        validIndices = run.validIndices;
        tellStart(run, tell);
        losses.skipTime();
      },
      onBatch: async ({ loss }) => {
        counter.onBatch();
        await losses.add(loss);
        if (control.resumed !== undefined) {
          await losses.flush();
          await control.resumed;
          losses.skipTime();
        }
      },
      onEpoch: async (record) => {
        await losses.flush();
        counter.onEpoch(record);
        const mistakes = await findMistakes(this.#reader(), digits, validIndices);
        tell({ kind: 'epoch', record, mistakes });
        losses.skipTime();
      },
    });
    await losses.flush();
    const { plot: _, ...results } = counter.results(outcome, { seed: settings.seed, data: settings.data, plot: '' });
    return { ...results, stepsPerSecond: losses.stepsPerSecond, losses: losses.all };
  }

  pause(): void {
    this.#control.pause();
  }

  resume(): void {
    this.#control.resume();
  }

  stop(): void {
    this.#control.stop();
  }

  /**
   * The probabilities of the ten digits.
   *
   * @param pixels 28 by 28 bytes, white on black as in MNIST.
   * @returns null where there is no network yet.
   */
  async read(pixels: Uint8Array): Promise<Float32Array | null> {
    return this.#network === undefined ? null : readDigit(this.#network, pixels);
  }

  /** The network's weights as a safetensors file. */
  async weights(): Promise<Uint8Array> {
    return toSafetensors(this.#reader().model.stateDict());
  }

  /**
   * A network with the weights of a file, measured with all digits of the data.
   *
   * @throws Error with the reason if the file is no safetensors file, or its weights are not those of this network.
   */
  open(bytes: Uint8Array, name: string, place: Place, hear: Hear): Promise<OpenedWeights> {
    return heard(hear, (tell) => this.#open(bytes, name, place, tell));
  }

  async #open(
    bytes: Uint8Array,
    name: string,
    { device: deviceName, data }: Place,
    tell: Tell,
  ): Promise<OpenedWeights> {
    const { tensors } = fromSafetensors(bytes, name);
    const hidden = hiddenOf(tensors, name);
    const digits = await this.#load(data, tell, this.#control.signal);
    const device = await this.#use(deviceName);
    const model = new MnistModel(hidden);
    model.loadStateDict(tensors);
    toDevice(model, device);
    this.#network = { model, device };
    const loader = new DeviceDataLoader(new DataLoader(digits, { batchSize: 500 }), device);
    const { metric = Number.NaN } = await evaluate(model, crossEntropy, loader, { metric: accuracy });
    const mistakes = await findMistakes(this.#network, digits, [...Array(digits.length).keys()]);
    return { device: device.name, hidden, images: digits.length, accuracy: metric, mistakes };
  }

  #reader(): Network {
    if (this.#network === undefined) {
      throw new Error('there is no network yet: train one, or open its weights');
    }
    return this.#network;
  }

  /** A network that lives on another device goes with it. */
  async #use(name: DeviceName): Promise<Device> {
    const device = await this.#devices.use(name);
    if (this.#network?.device !== device) {
      this.#network = undefined;
    }
    return device;
  }

  async #load(name: DataName, tell: Tell, signal: AbortSignal): Promise<ImageDataset> {
    const known = this.#digits.get(name);
    if (known !== undefined) {
      return known;
    }
    const { sample, mirrors } = this.#assets;
    const digits = name === 'sample' ? await loadSample(sample, signal) : await loadFull({ mirrors, tell, signal });
    this.#digits.set(name, digits);
    return digits;
  }
}

function tellStart({ device, trainLoader, validationImages, initial }: Run, tell: Tell): void {
  const { loss, metric = Number.NaN } = initial;
  tell({
    kind: 'start',
    device: device.name,
    stepsPerEpoch: trainLoader.length,
    validationImages,
    initialLoss: loss,
    initialAccuracy: metric,
  });
}

/** The sizes of the hidden layers whose weights these are. */
function hiddenOf(weights: Readonly<StateDict>, name: string): HiddenSizes {
  const [first, second] = ['linear1.weight', 'linear2.weight'].map((key) => weights[key]?.shape[0]);
  if (first === undefined || second === undefined) {
    throw new Error(
      `${name}: expected the weights of this network (linear1.weight, linear1.bias, ...), got ${Object.keys(weights).join(', ') || 'none'}`,
    );
  }
  return 'linear3.weight' in weights ? [first, second] : [first];
}
