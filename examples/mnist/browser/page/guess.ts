/**
 * What the network says of the drawing, as it is drawn. Owns the bars and the answer; one question is asked at a time, and the newest
 * drawing is the next.
 */

import { element, make } from './element.js';
import { paint } from './picture.js';

export type Read = (pixels: Uint8Array) => Promise<Float32Array | null>;

interface Row {
  readonly bar: HTMLMeterElement;
  readonly share: HTMLElement;
  readonly item: HTMLLIElement;
}

export class Guess {
  readonly #read: Read;
  readonly #digit: () => Uint8Array | null;
  readonly #answer = element('answer', HTMLOutputElement);
  readonly #seen = element('seen', HTMLCanvasElement);
  readonly #rows: readonly Row[];
  #asking = false;
  #again = false;

  constructor(digit: () => Uint8Array | null, read: Read) {
    this.#digit = digit;
    this.#read = read;
    this.#rows = Array.from({ length: 10 }, (_, value) => makeRow(value));
    element('probabilities', HTMLOListElement).append(...this.#rows.map(({ item }) => item));
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#paintSeen());
    this.#show(null, null);
  }

  /** The drawing or the network is another. */
  async update(): Promise<void> {
    this.#again = true;
    if (this.#asking) {
      return;
    }
    this.#asking = true;
    try {
      while (this.#again) {
        this.#again = false;
        const digit = this.#digit();
        this.#paintSeen(digit);
        this.#show(digit, digit === null ? null : await this.#read(digit));
      }
    } finally {
      this.#asking = false;
    }
  }

  #paintSeen(digit = this.#digit()): void {
    paint(this.#seen, digit ?? new Uint8Array(28 * 28));
  }

  #show(digit: Uint8Array | null, probabilities: Float32Array | null): void {
    const likeliest = probabilities === null ? -1 : probabilities.indexOf(Math.max(...probabilities));
    for (const [value, { bar, share, item }] of this.#rows.entries()) {
      const probability = probabilities?.[value] ?? 0;
      bar.value = probability;
      share.textContent = probabilities === null ? '' : percent(probability);
      item.classList.toggle('likeliest', value === likeliest);
    }
    if (digit === null) {
      this.#answer.textContent = 'Draw a digit.';
    } else if (probabilities === null) {
      this.#answer.textContent = 'No network yet: train one, or open its weights.';
    } else {
      this.#answer.textContent = `Looks like ${likeliest}: ${percent(probabilities[likeliest] ?? 0)}`;
    }
  }
}

function makeRow(value: number): Row {
  const bar = make('meter', { min: 0, max: 1, ariaLabel: `Probability of ${value}` });
  const share = make('span', { className: 'share' });
  const item = make('li', {}, make('span', { className: 'digit' }, `${value}`), bar, share);
  return { bar, share, item };
}

function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(1)} %`;
}
