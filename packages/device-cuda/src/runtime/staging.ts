/**
 * The way from host arrays to the card: pinned memory of the addon, handed out in a ring, so that a call can return while its copy is still under way. Owns
 * the ring's size and its views; when a piece is free again the addon knows.
 */
import type { Addon } from '../native/addon.js';

const leastBytes = 1024 * 1024;
/** Pieces of the largest size that fit beside each other, up to a size where that is a lot of memory. */
const piecesInFlight = 4;
const muchBytes = 16 * 1024 * 1024;
/** What is written goes in pieces of up to this size, so that the next is copied while the last is on its way. */
const largePiece = 4 * 1024 * 1024;

export class Staging {
  readonly #addon: Addon;
  readonly #handle: number;
  #memory = new ArrayBuffer(0);
  #view = new DataView(this.#memory);

  constructor(addon: Addon, handle: number) {
    this.#addon = addon;
    this.#handle = handle;
  }

  get memory(): ArrayBuffer {
    return this.#memory;
  }

  get view(): DataView {
    return this.#view;
  }

  /** Makes room for pieces of `bytes`. Called where a program is compiled, so that runs need not. */
  fit(bytes: number): void {
    const wanted = Math.max(leastBytes, bytes > muchBytes ? 2 * bytes : piecesInFlight * bytes);
    if (bytes === 0 || this.#memory.byteLength >= wanted) return;
    this.#memory = this.#addon.ring(this.#handle, wanted);
    this.#view = new DataView(this.#memory);
  }

  /** The offset of a piece that may be written now. */
  take(bytes: number): number {
    return this.#addon.stage(this.#handle, bytes);
  }

  /** Copies bytes of the host to the card, in pieces. */
  upload(data: Uint8Array, address: number): void {
    if (data.byteLength === 0) return;
    this.fit(Math.min(data.byteLength, largePiece));
    const largest = Math.floor(this.#memory.byteLength / piecesInFlight);
    for (let done = 0; done < data.byteLength; done += largest) {
      const piece = data.subarray(done, done + largest);
      const offset = this.take(piece.byteLength);
      new Uint8Array(this.#memory, offset, piece.byteLength).set(piece);
      this.#addon.upload(this.#handle, offset, address + done, piece.byteLength);
    }
  }
}
