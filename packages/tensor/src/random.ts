/**
 * Random numbers: Threefry-2x32 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"), a counter-based generator keyed by seed and offset. The
 * same key gives the same bits on the host and on every device. Owns generators and the host draw; device draws are `ops/random.ts`.
 */

import { watching } from './runtime/capture.js';

export const rotations = [13, 15, 26, 6, 17, 29, 16, 24] as const;
export const parity = 0x1bd11bda;

/** Both words of the block that `counter` (two words) gives under `key` (two words), 20 rounds. */
export function threefry(key0: number, key1: number, counter0: number, counter1: number): [number, number] {
  const keys = [key0 | 0, key1 | 0, key0 ^ key1 ^ parity];
  let x = (counter0 + (keys[0] as number)) | 0;
  let y = (counter1 + (keys[1] as number)) | 0;
  for (let round = 0; round < 20; round++) {
    const r = rotations[round % 8] as number;
    x = (x + y) | 0;
    y = ((y << r) | (y >>> (32 - r))) ^ x;
    if (round % 4 !== 3) continue;
    const step = (round + 1) / 4;
    x = (x + (keys[step % 3] as number)) | 0;
    y = (y + (keys[(step + 1) % 3] as number) + step) | 0;
  }
  return [x, y];
}

/** A stream of random numbers. Every draw moves the offset on; equal seeds give equal streams on all devices. */
export class Generator {
  #seed: number;
  #offset = 0;

  /** @param seed a whole number; its low 32 bits and the rest are the two words of the key. */
  constructor(seed: number = 0) {
    this.#seed = checkSeed(seed);
  }

  /** Starts the stream of `seed` from its beginning. */
  manualSeed(seed: number): this {
    this.#seed = checkSeed(seed);
    this.#offset = 0;
    return this;
  }

  initialSeed(): number {
    return this.#seed;
  }

  /** Where the stream stands; `setState` returns to it. */
  getState(): { readonly seed: number; readonly offset: number } {
    return { seed: this.#seed, offset: this.#offset };
  }

  setState(state: { readonly seed: number; readonly offset: number }): void {
    this.#seed = checkSeed(state.seed);
    this.#offset = state.offset;
  }

  /** Reserves blocks for `count` 32-bit words and tells the key: the two seed words and the first counter. */
  reserve(count: number): { readonly key0: number; readonly key1: number; readonly offset: number } {
    watching?.refuse('it draws random numbers');
    const offset = this.#offset;
    this.#offset += Math.ceil(count / 2);
    return { key0: this.#seed | 0, key1: Math.floor(this.#seed / 2 ** 32) | 0, offset };
  }

  /** `count` random 32-bit words, drawn on the host: words 2i and 2i + 1 are the block of counter offset + i. */
  bits(count: number): Int32Array {
    const { key0, key1, offset } = this.reserve(count);
    const words = new Int32Array(count);
    for (let i = 0; i < count; i += 2) {
      const counter = offset + i / 2;
      const [x, y] = threefry(key0, key1, counter | 0, Math.floor(counter / 2 ** 32) | 0);
      words[i] = x;
      if (i + 1 < count) words[i + 1] = y;
    }
    return words;
  }

  /** `count` numbers uniform in [0, 1): 24 bits each, exact in float32. */
  uniform(count: number): Float32Array {
    const words = this.bits(count);
    const values = new Float32Array(count);
    for (let i = 0; i < count; i++) values[i] = ((words[i] as number) >>> 8) / 2 ** 24;
    return values;
  }

  /** `count` standard normal numbers by Box and Muller (1958), in pairs. */
  normal(count: number): Float32Array {
    const uniform = this.uniform(2 * Math.ceil(count / 2));
    const values = new Float32Array(count);
    for (let i = 0; i < count; i += 2) {
      const radius = Math.sqrt(-2 * Math.log((uniform[i] as number) + 2 ** -24));
      const angle = 2 * Math.PI * (uniform[i + 1] as number);
      values[i] = radius * Math.cos(angle);
      // Of an odd count the last has no place, and is not kept.
      values[i + 1] = radius * Math.sin(angle);
    }
    return values;
  }

  /** `count` whole numbers uniform in [low, high), each from one 53-bit draw. */
  integers(count: number, low: number, high: number): number[] {
    return this.#fractions(count).map((fraction) => low + Math.floor(fraction * (high - low)));
  }

  /** 0 to n - 1 in random order (Fisher and Yates). */
  permutation(n: number): number[] {
    const order = Array.from({ length: n }, (_, i) => i);
    const fractions = this.#fractions(n);
    for (let i = n - 1; i > 0; i--) {
      const j = Math.floor((fractions[i] as number) * (i + 1));
      const moved = order[i] as number;
      order[i] = order[j] as number;
      order[j] = moved;
    }
    return order;
  }

  /** `count` numbers uniform in [0, 1) of 53 bits. */
  #fractions(count: number): number[] {
    const words = this.bits(2 * count);
    return Array.from({ length: count }, (_, i) => {
      const [high, low] = [words[2 * i] as number, words[2 * i + 1] as number];
      return ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53;
    });
  }
}

function checkSeed(seed: number): number {
  if (Number.isSafeInteger(seed) && seed >= 0) return seed;
  throw new RangeError(`seed: expected a whole number from 0 to 2^53 - 1, got ${seed}`);
}

/** The generator that draws without one of their own use. Its first seed is fixed, so that runs repeat. */
export const defaultGenerator = new Generator(0);

/** Seeds the default generator: initial weights, shuffles, dropout and random tensors repeat from here. */
export function manualSeed(seed: number): Generator {
  return defaultGenerator.manualSeed(seed);
}
