/** The keys and values of the tokens before, for generation token by token. Attention over them is `functional/attention.ts`. */
import { arange, type DType, noGrad, type Tensor, where, zeros } from '@torchlet/tensor';
import { printShape } from '../functional/shapes.js';
import { Module } from '../module.js';

export interface KVCacheOptions {
  readonly batchSize: number;
  /** The most tokens it holds. */
  readonly maxLength: number;
  readonly numHeads: number;
  /** Features of a head. */
  readonly headDim: number;
  readonly dtype?: DType;
}

/** What attention needs after an update. */
export interface CachedAttention {
  /** [batch, heads, maxLength, features], of which the first `size` tokens are filled. */
  readonly key: Tensor;
  readonly value: Tensor;
  /** [new tokens, maxLength], bool: true where a new token may see a cached one, i.e. at its own place and before. */
  readonly attnMask: Tensor;
}

/**
 * Keys and values in memory of a fixed size, written in place: where a token goes is a number of the run, so that one plan serves them all, and
 * none makes another cache (after torchtune's KVCache, https://pytorch.org/torchtune/stable/generated/torchtune.modules.KVCache.html).
 *
 * @example
 * const { key, value, attnMask } = cache.update(newKey, newValue);
 * const attended = scaledDotProductAttention(query, key, value, { attnMask });
 */
export class KVCache extends Module {
  readonly maxLength: number;
  readonly #keys: Tensor;
  readonly #values: Tensor;
  #size = 0;

  constructor({ batchSize, maxLength, numHeads, headDim, dtype = 'float32' }: KVCacheOptions) {
    super();
    this.maxLength = maxLength;
    const shape = [batchSize, numHeads, maxLength, headDim];
    this.#keys = this.registerBuffer('k_cache', zeros(shape, { dtype }), { persistent: false });
    this.#values = this.registerBuffer('v_cache', zeros(shape, { dtype }), { persistent: false });
  }

  /** Tokens held. */
  get size(): number {
    return this.#size;
  }

  /** Forgets all tokens. */
  reset(): void {
    this.#size = 0;
  }

  /**
   * Adds the keys and values of the next tokens, each [batch, heads, new tokens, features]. No gradient passes.
   *
   * @throws RangeError for other shapes, or where the tokens are more than the cache holds.
   */
  update(key: Tensor, value: Tensor): CachedAttention {
    const [batch, heads, , features] = this.#keys.shape;
    const count = key.shape[2] ?? 0;
    const expected = printShape([batch as number, heads as number, count, features as number]);
    if (printShape(key.shape) !== expected || printShape(value.shape) !== expected) {
      throw new RangeError(
        `KVCache.update: expected keys and values of ${expected}, got ${printShape(key.shape)} and ${printShape(value.shape)}`,
      );
    }
    const first = this.#size;
    if (first + count > this.maxLength) {
      throw new RangeError(
        `KVCache.update: expected at most ${this.maxLength} tokens, got ${first} and ${count} more; reset(), or make it with a larger maxLength`,
      );
    }
    const { device } = this.#keys;
    const positions = arange(this.maxLength, { device });
    const fromFirst = positions.sub(first);
    const isNew = fromFirst.ge(0).logicalAnd(fromFirst.lt(count)).reshape([-1, 1]);
    const fill = (cache: Tensor, tokens: Tensor): Tensor =>
      cache.copy_(where(isNew, tokens.indexSelect(2, fromFirst.clamp(0, count - 1)), cache));
    noGrad(() => {
      fill(this.#keys, key);
      fill(this.#values, value);
    });
    this.#size = first + count;
    const attnMask = positions.le(arange(count, { device }).unsqueeze(1).add(first));
    return { key: this.#keys, value: this.#values, attnMask };
  }

  /** As `update`. */
  override forward(key: Tensor, value: Tensor): CachedAttention {
    return this.update(key, value);
  }

  override extraRepr(): string {
    return `maxLength=${this.maxLength}, size=${this.#size}`;
  }
}
