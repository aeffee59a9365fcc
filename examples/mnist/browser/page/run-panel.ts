/**
 * The state of the run: its buttons, its progress, its numbers, and what is said of it. Owns which buttons may be pressed when.
 */

import { element } from './element.js';

export type RunState = 'idle' | 'training' | 'paused' | 'busy';

export interface RunActions {
  pause(): void;
  resume(): void;
  stop(): void;
}

const numbers = ['device', 'epoch', 'steps', 'loss', 'accuracy', 'rate'] as const;

export class RunPanel {
  readonly #main = element('main', HTMLElement);
  readonly #train = element('train', HTMLButtonElement);
  readonly #pause = element('pause', HTMLButtonElement);
  readonly #stop = element('stop', HTMLButtonElement);
  readonly #progress = element('progress', HTMLProgressElement);
  readonly #detail = element('detail', HTMLElement);
  readonly #status = element('status', HTMLElement);
  readonly #problem = element('problem', HTMLElement);
  #state: RunState = 'idle';

  constructor(actions: RunActions) {
    this.#pause.addEventListener('click', () => {
      if (this.#state === 'paused') {
        actions.resume();
        this.state = 'training';
        this.say('Training goes on.');
      } else {
        actions.pause();
        this.state = 'paused';
        this.say('Paused. The network reads what you draw meanwhile.');
      }
    });
    this.#stop.addEventListener('click', () => {
      actions.stop();
      this.state = 'busy';
      this.say('Stopping after this batch …');
    });
    this.state = 'idle';
  }

  get state(): RunState {
    return this.#state;
  }

  set state(state: RunState) {
    this.#state = state;
    this.#main.dataset['state'] = state;
    const running = state === 'training' || state === 'paused';
    this.#train.disabled = state !== 'idle';
    this.#pause.disabled = !running;
    this.#stop.disabled = !running;
    this.#pause.textContent = state === 'paused' ? 'Resume' : 'Pause';
    for (const button of this.#main.querySelectorAll<HTMLButtonElement | HTMLInputElement>('[data-idle]')) {
      button.disabled = state !== 'idle';
    }
  }

  /** Read out by screen readers, so not for what changes all the time. */
  say(text: string): void {
    this.#problem.hidden = true;
    this.#status.textContent = text;
  }

  complain(text: string): void {
    this.#status.textContent = '';
    this.#problem.textContent = text;
    this.#problem.hidden = false;
  }

  show(shown: Partial<Readonly<Record<(typeof numbers)[number], string>>>): void {
    for (const name of numbers) {
      const text = shown[name];
      if (text !== undefined) {
        element(`stat-${name}`, HTMLElement).textContent = text;
      }
    }
  }

  /**
   * @param share done, 0 to 1; undefined where it is not known.
   * @param detail of what is being done.
   */
  progress(share: number | undefined, detail = ''): void {
    this.#detail.textContent = detail;
    if (share === undefined) {
      this.#progress.removeAttribute('value');
    } else {
      this.#progress.value = share;
    }
  }
}
