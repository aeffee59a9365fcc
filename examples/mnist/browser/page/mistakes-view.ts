/**
 * The digits that the network takes for others, as a grid of pictures. Owns their showing; finding them is the worker's.
 */

import { element, make } from './element.js';
import { paint } from './picture.js';
import type { Mistake, Mistakes } from './protocol.js';

export class MistakesView {
  readonly #grid = element('mistakes', HTMLUListElement);
  readonly #caption = element('mistakes-caption', HTMLElement);
  #shown: readonly Mistake[] = [];

  constructor() {
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#paint());
  }

  show({ shown, seen }: Mistakes): void {
    this.#shown = shown;
    this.#caption.textContent =
      shown.length === 0
        ? `None among ${seen.toLocaleString('en')} digits.`
        : `${shown.length} among the first ${seen.toLocaleString('en')} digits: what was written, and what the network read.`;
    this.#grid.replaceChildren(...shown.map(makeItem));
    this.#paint();
  }

  #paint(): void {
    for (const [index, canvas] of [...this.#grid.querySelectorAll('canvas')].entries()) {
      const pixels = this.#shown[index]?.pixels;
      if (pixels !== undefined) {
        paint(canvas, pixels);
      }
    }
  }
}

function makeItem({ label, predicted, probability }: Mistake): HTMLLIElement {
  const share = `${(100 * probability).toFixed(0)} %`;
  const picture = make('canvas', { role: 'img', ariaLabel: `a ${label}, read as ${predicted} with ${share}` });
  return make(
    'li',
    { title: `${label} read as ${predicted}, ${share}` },
    picture,
    make('span', {}, `${label} → ${predicted}`),
  );
}
