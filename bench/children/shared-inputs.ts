/**
 * What JavaScript peers make of the shared inputs: batches gathered from memory by typed-array copies, and initial weights cut one after another from the
 * normal numbers. `input-files.ts` reads the files in Node, `chromium/` in a browser; `../data.ts` makes them.
 */

const PIXELS = 28 * 28;
const CLASSES = 10;

/** Ten thousand digits, and their order in each epoch. */
export interface DigitFiles {
  readonly images: Float32Array;
  readonly labels: Uint8Array;
  readonly order: Int32Array;
}

export interface Batch {
  readonly images: Float32Array;
  readonly labels: Uint8Array;
}

/** Ten thousand digits in memory: the first to train on, the rest held out. */
export interface Rows {
  readonly rows: Int32Array;
  readonly labels: Uint8Array;
}

export class Digits {
  readonly #images: Float32Array;
  readonly #labels: Uint8Array;
  readonly #order: Int32Array;
  readonly #trainImages: number;
  #batch: Batch = { images: new Float32Array(0), labels: new Uint8Array(0) };

  constructor({ images, labels, order }: DigitFiles, trainImages: number) {
    this.#images = images;
    this.#labels = labels;
    this.#order = order;
    this.#trainImages = trainImages;
  }

  /**
   * Batch `index` of `epoch`, in the same two arrays every time: whatever a peer does with them, it has done when its step
   * returns, or its loss would show it.
   */
  batch(epoch: number, index: number, size: number): Batch {
    if (this.#batch.labels.length !== size) {
      this.#batch = { images: new Float32Array(size * PIXELS), labels: new Uint8Array(size) };
    }
    const { images, labels } = this.#batch;
    const start = epoch * this.#trainImages + index * size;
    for (let row = 0; row < size; row++) {
      const source = this.#order[start + row] as number;
      images.set(this.#images.subarray(source * PIXELS, (source + 1) * PIXELS), row * PIXELS);
      labels[row] = this.#labels[source] as number;
    }
    return this.#batch;
  }

  /** The same batch as the positions of its images, for peers that hold the images as a tensor and index it. */
  rows(epoch: number, index: number, size: number): Rows {
    const start = epoch * this.#trainImages + index * size;
    const rows = this.#order.slice(start, start + size);
    const labels = new Uint8Array(size);
    for (let i = 0; i < size; i++) labels[i] = this.#labels[rows[i] as number] as number;
    return { rows, labels };
  }

  get trainImages(): Float32Array {
    return this.#images.subarray(0, this.#trainImages * PIXELS);
  }

  get heldOut(): Batch {
    return {
      images: this.#images.slice(this.#trainImages * PIXELS),
      labels: this.#labels.slice(this.#trainImages),
    };
  }
}

export function oneHot(labels: Uint8Array): Float32Array {
  const rows = new Float32Array(labels.length * CLASSES);
  labels.forEach((label, row) => {
    rows[row * CLASSES + label] = 1;
  });
  return rows;
}

/** Fraction of the rows of `scores` whose largest entry is the label's. */
export function accuracyOf(scores: Float32Array, labels: Uint8Array): number {
  let right = 0;
  labels.forEach((label, row) => {
    const rowScores = scores.subarray(row * CLASSES, (row + 1) * CLASSES);
    if (rowScores.indexOf(Math.max(...rowScores)) === label) right++;
  });
  return right / labels.length;
}

/** The normal numbers four times over: the 16 M values of the sum. */
export function fourTimes(values: Float32Array): Float32Array {
  const repeated = new Float32Array(4 * values.length);
  for (let copy = 0; copy < 4; copy++) repeated.set(values, copy * values.length);
  return repeated;
}

/** The two factors of the matrix product: the first numbers, and the last ones backwards. */
export function squareMatrices(normals: Float32Array, size: number): [Float32Array, Float32Array] {
  return [normals.slice(0, size * size), normals.slice(-size * size).reverse()];
}

export interface LinearWeights {
  readonly inputs: number;
  readonly outputs: number;
  /** [inputs, outputs], row-major. */
  readonly weight: Float32Array;
}

/** Weights of each layer, drawn in order and scaled by 1 / sqrt(inputs); biases start at zero. */
export function initialWeights(normals: Float32Array, widths: readonly number[]): LinearWeights[] {
  let start = 0;
  return widths.slice(1).map((outputs, layer) => {
    const inputs = widths[layer] as number;
    const scale = Math.fround(1 / Math.sqrt(inputs));
    const weight = normals.subarray(start, start + inputs * outputs).map((value) => value * scale);
    start += inputs * outputs;
    return { inputs, outputs, weight };
  });
}
