/**
 * Every step's loss, told to the page a few at a time. Owns when they are read: reading waits for the device, so not after each step.
 */

import type { Tensor } from '@torchlet/tensor';
import type { Tell } from './heard.js';

const millisecondsBetweenReads = 100;
const mostUnread = 32;

export class LossFeed {
  readonly all: number[] = [];
  readonly #tell: Tell;
  #unread: Tensor[] = [];
  #readAt = performance.now();
  #milliseconds = 0;

  constructor(tell: Tell) {
    this.#tell = tell;
  }

  /** Over all steps that were read; 0 where there was none. */
  get stepsPerSecond(): number {
    return this.#milliseconds === 0 ? 0 : (this.all.length / this.#milliseconds) * 1000;
  }

  async add(loss: Tensor): Promise<void> {
    this.#unread.push(loss);
    if (this.#unread.length >= mostUnread || performance.now() - this.#readAt >= millisecondsBetweenReads) {
      await this.flush();
    }
  }

  async flush(): Promise<void> {
    if (this.#unread.length === 0) {
      return;
    }
    const values = await Promise.all(this.#unread.map((loss) => loss.item()));
    const milliseconds = performance.now() - this.#readAt;
    const stepsPerSecond = (values.length / milliseconds) * 1000;
    this.#milliseconds += milliseconds;
    this.all.push(...values);
    this.skipTime();
    this.#unread = [];
    this.#tell({ kind: 'losses', values, stepsPerSecond });
  }

  /** What passed since the last reading was no training. */
  skipTime(): void {
    this.#readAt = performance.now();
  }
}
