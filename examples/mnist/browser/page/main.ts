/**
 * The page: what the user does goes to the worker, what the worker tells is shown. Owns that wiring alone; each part of the page is a
 * module of its own, and training is in `worker/trainer.ts`.
 */

import { proxy, wrap } from 'comlink';
import sampleUrl from 'virtual:sample-digits';
import { DigitPad } from './digit-pad.js';
import { element } from './element.js';
import { Guess } from './guess.js';
import { History, percent } from './history.js';
import { MistakesView } from './mistakes-view.js';
import type { PageResults, TrainingEvent, TrainingSettings } from './protocol.js';
import { RunPanel } from './run-panel.js';
import { saveFile } from './save-file.js';
import { offerDevices, onTrain, readPlace } from './settings-form.js';
import type { Trainer } from './worker/trainer.js';

const worker = new Worker(new URL('./worker/worker.ts', import.meta.url), { type: 'module', name: 'training' });
const trainer = wrap<Trainer>(worker);

/** The server of this page first, then public mirrors that let pages of others read. */
const mirrors = [
  new URL('data/', document.baseURI).href,
  'https://raw.githubusercontent.com/fgnt/mnist/master/',
  'https://cdn.jsdelivr.net/gh/fgnt/mnist@master/',
  'https://storage.googleapis.com/cvdf-datasets/mnist/',
  'https://ossci-datasets.s3.amazonaws.com/mnist/',
];

const history = new History();
const mistakes = new MistakesView();
const log = element('log', HTMLPreElement);
const pad = new DigitPad(
  {
    area: element('pad', HTMLElement),
    canvas: element('ink', HTMLCanvasElement),
    pen: element('pen', HTMLElement),
    clear: element('clear', HTMLButtonElement),
    status: element('pen-status', HTMLElement),
  },
  () => look(),
);
const guess = new Guess(
  () => pad.digit(),
  (pixels) => trainer.read(pixels),
);
const panel = new RunPanel({
  pause: () => attempt(() => trainer.pause()),
  resume: () => attempt(() => trainer.resume()),
  stop: () => attempt(() => trainer.stop()),
});
let results: PageResults | undefined;
let stepsInAll = 0;

onTrain((settings) => attempt(() => train(settings)));
element('save-weights', HTMLButtonElement).addEventListener('click', () => attempt(saveWeights));
element('save-results', HTMLButtonElement).addEventListener('click', saveResults);
element('open-weights', HTMLInputElement).addEventListener('change', () => attempt(openWeights));
worker.addEventListener('error', ({ message }) => fail(new Error(`the worker failed: ${message}`)));
attempt(async () => offerDevices(await trainer.start({ sample: new URL(sampleUrl, document.baseURI).href, mirrors })));

/** Does what takes time, and says so where it fails. */
function attempt(work: () => Promise<void>): void {
  work().catch(fail);
}

function fail(error: unknown): void {
  const { name, message } = error as Error;
  panel.state = 'idle';
  panel.progress(0);
  if (name === 'AbortError') {
    panel.say('Stopped.');
  } else {
    panel.complain(message);
  }
}

function look(): void {
  attempt(() => guess.update());
}

async function train(settings: TrainingSettings): Promise<void> {
  panel.state = 'training';
  panel.say(settings.data === 'full' ? 'Getting the digits …' : 'Getting ready …');
  panel.progress(undefined);
  results = undefined;
  log.textContent = '';
  const [first, second] = settings.epochs;
  stepsInAll = first + second;
  results = await trainer.train(settings, proxy(tell));
  panel.state = 'idle';
  panel.progress(1);
  const { epochs, finalAccuracy, stepsPerSecond, kernelsPerStep, validationImages } = results;
  const pace =
    epochs.length === 0 ? '' : ` ${stepsPerSecond.toFixed(0)} steps a second, ${kernelsPerStep} kernels a step.`;
  const verb = epochs.length < first + second ? 'Stopped' : 'Trained';
  panel.say(
    `${verb}: ${percent(finalAccuracy)} of ${validationImages.toLocaleString('en')} digits are read right.${pace}`,
  );
  look();
}

function tell(event: TrainingEvent): void {
  switch (event.kind) {
    case 'line':
      log.append(`${event.text}\n`);
      return;
    case 'download': {
      const { file, receivedBytes, totalBytes } = event;
      const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
      const total = totalBytes === undefined ? '' : ` of ${megabytes(totalBytes)}`;
      const share = totalBytes === undefined ? undefined : receivedBytes / totalBytes;
      panel.progress(share, `${file}: ${megabytes(receivedBytes)}${total} MB`);
      return;
    }
    case 'start':
      stepsInAll *= event.stepsPerEpoch;
      history.start(event);
      panel.say(`Training on ${event.device}.`);
      panel.progress(0);
      panel.show({ device: event.device, epoch: '0', steps: '0', accuracy: percent(event.initialAccuracy) });
      look();
      return;
    case 'losses':
      history.add(event.values);
      panel.progress(stepsInAll === 0 ? 1 : history.steps / stepsInAll);
      panel.show({
        steps: `${history.steps} of ${stepsInAll}`,
        loss: event.values.at(-1)?.toFixed(4) ?? '',
        rate: `${event.stepsPerSecond.toFixed(0)} / s`,
      });
      return;
    case 'epoch':
      history.endEpoch(event);
      mistakes.show(event.mistakes);
      panel.show({ epoch: `${history.epochs}`, accuracy: percent(event.record.validationMetric ?? Number.NaN) });
      look();
      return;
    default:
      event satisfies never;
  }
}

async function saveWeights(): Promise<void> {
  saveFile('mnist.safetensors', new Uint8Array(await trainer.weights()), 'application/octet-stream');
}

function saveResults(): void {
  if (results === undefined) {
    panel.complain('There are no results yet: train a network first.');
    return;
  }
  saveFile('results.json', `${JSON.stringify(results, undefined, 2)}\n`, 'application/json');
}

async function openWeights(): Promise<void> {
  const input = element('open-weights', HTMLInputElement);
  const file = input.files?.[0];
  if (file === undefined) {
    return;
  }
  panel.state = 'busy';
  panel.say(`Opening ${file.name} …`);
  const bytes = new Uint8Array(await file.arrayBuffer());
  // So that the same file can be chosen again.
  input.value = '';
  const opened = await trainer.open(bytes, file.name, readPlace(), proxy(tell));
  panel.state = 'idle';
  mistakes.show(opened.mistakes);
  panel.show({ device: opened.device, accuracy: percent(opened.accuracy) });
  panel.say(
    `Opened ${file.name}, hidden layers of ${opened.hidden.join(' and ')}: ${percent(opened.accuracy)} of ${opened.images.toLocaleString('en')} digits are read right.`,
  );
  look();
}
