/**
 * What is known of the run so far: each step's loss, each epoch's result. Owns these numbers, their charts and their table; where they
 * come from is the worker.
 */

import { Chart } from './charts.js';
import { element, make } from './element.js';
import type { TrainingEvent } from './protocol.js';

type EventOf<Kind extends TrainingEvent['kind']> = Extract<TrainingEvent, { kind: Kind }>;

/** Batches differ: the line shows the mean of the last few. */
const meanOver = 20;

export class History {
  readonly #loss = new Chart(element('loss-chart', HTMLElement), {
    x: 'step',
    lines: [
      { name: 'batch', colour: '--faint', width: 1 },
      { name: `mean of ${meanOver}`, colour: '--accent', width: 2 },
      { name: 'validation', colour: '--second', width: 2, points: true },
    ],
    format: (value) => value.toFixed(2),
  });
  readonly #accuracy = new Chart(element('accuracy-chart', HTMLElement), {
    x: 'epoch',
    lines: [{ name: 'validation', colour: '--second', width: 2, points: true }],
    format: (value) => `${+(100 * value).toFixed(1)} %`,
    top: 1,
  });
  readonly #rows = element('epochs', HTMLTableSectionElement);
  #losses: number[] = [];
  #means: number[] = [];
  /** At the step after which each was measured. */
  #validation = new Map<number, number>();
  #accuracies: number[] = [];

  get steps(): number {
    return this.#losses.length;
  }

  get epochs(): number {
    return this.#accuracies.length - 1;
  }

  start({ initialLoss, initialAccuracy }: EventOf<'start'>): void {
    this.#losses = [];
    this.#means = [];
    this.#validation = new Map([[0, initialLoss]]);
    this.#accuracies = [initialAccuracy];
    this.#rows.replaceChildren(row('before', '', '', initialLoss.toFixed(4), percent(initialAccuracy)));
    this.#show();
  }

  add(losses: readonly number[]): void {
    for (const loss of losses) {
      this.#losses.push(loss);
      const last = this.#losses.slice(-meanOver);
      this.#means.push(last.reduce((sum, value) => sum + value, 0) / last.length);
    }
    this.#show();
  }

  endEpoch({ record }: EventOf<'epoch'>): void {
    const { lr, trainLoss, validationLoss, validationMetric = Number.NaN } = record;
    this.#validation.set(this.steps, validationLoss);
    this.#accuracies.push(validationMetric);
    const numbers = [trainLoss, validationLoss].map((loss) => loss.toFixed(4));
    this.#rows.append(row(`${this.epochs}`, `${lr}`, ...numbers, percent(validationMetric)));
    this.#show();
    const best = percent(validationMetric);
    element('loss-chart', HTMLElement).ariaLabel =
      `Loss over ${this.steps} steps: in training ${numbers[0]}, in validation ${numbers[1]}`;
    element('accuracy-chart', HTMLElement).ariaLabel = `Accuracy after epoch ${this.epochs}: ${best}`;
  }

  #show(): void {
    const steps = Array.from({ length: this.steps + 1 }, (_, step) => step);
    const validation = steps.map((step) => this.#validation.get(step) ?? null);
    this.#loss.show([steps, [null, ...this.#losses], [null, ...this.#means], validation]);
    this.#accuracy.show([[...this.#accuracies.keys()], this.#accuracies]);
  }
}

export function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(2)} %`;
}

function row(...cells: readonly string[]): HTMLTableRowElement {
  return make('tr', {}, ...cells.map((text, column) => make(column === 0 ? 'th' : 'td', {}, text)));
}
