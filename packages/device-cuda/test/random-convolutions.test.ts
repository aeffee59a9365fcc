/**
 * Convolutions of all shapes, most of them with a number in an index or a mask changed: whatever is recognised in them is what they mean. Cases that must be recognised
 * are `convolutions.test.ts` and `adjoints.test.ts`.
 */
import { type Expression, type MatmulKernel, rewriter, type Store } from '@torchlet/device';
import { describe, expect, it } from 'vitest';
import { adjointOf } from '../src/libraries/adjoint.js';
import { convolutionOf } from '../src/libraries/convolution.js';
import { expectSame } from './convolution-meaning.js';
import { phasedProduct } from './phased-products.js';
import { windowProduct } from './window-products.js';

/** The same numbers from 0 to 1 each time. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function randomProduct(next: () => number): MatmulKernel {
  const of = (...choices: readonly number[]) => choices[Math.floor(next() * choices.length)] as number;
  const rank = of(1, 2, 2);
  const dims = (...choices: readonly number[]) => Array.from({ length: rank }, () => of(...choices));
  const common = { batch: of(1, 2), groups: of(1, 1, 2), channels: of(1, 2, 3), outputs: of(1, 2, 3) };
  if (next() < 0.4) {
    const places = dims(1, 2, 3, 4);
    return phasedProduct({ ...common, places, window: dims(1, 2, 3, 5), stride: dims(1, 2, 3), padding: dims(0, 1) });
  }
  return windowProduct({
    ...common,
    image: dims(5, 6, 7),
    window: dims(1, 2, 3),
    stride: dims(1, 1, 2, 3),
    dilation: dims(1, 1, 2),
    padding: dims(0, 0, 1, 2),
    isGradient: next() < 0.4,
    outputOrder: next() < 0.5 ? 'channels first' : 'channels last',
  });
}

/** One whole number of an operand is another. */
function changed(kernel: MatmulKernel, next: () => number): MatmulKernel {
  const which = next() < 0.5 ? ('a' as const) : ('b' as const);
  const by = [-2, -1, 1, 2][Math.floor(next() * 4)] as number;
  const chosen = Math.floor(next() * 20);
  let seen = 0;
  const change = rewriter((each: Expression) =>
    each.kind === 'constant' && seen++ === chosen ? { ...each, value: Number(each.value) + by } : each,
  );
  return { ...kernel, [which]: change(kernel[which]) };
}

describe('what is recognised is what was meant', () => {
  it.each([1, 2])('from seed %i', (seed) => {
    const next = numbers(seed);
    const found = { recognised: 0, not: 0 };
    for (let i = 0; i < 100; i++) {
      const kernel = next() < 0.6 ? changed(randomProduct(next), next) : randomProduct(next);
      for (const to of [null, (kernel.stores[0] as Store).index]) {
        const made = convolutionOf(kernel, to) ?? adjointOf(kernel, to);
        if (made !== null) expectSame(made, kernel);
        found[made === null ? 'not' : 'recognised']++;
      }
    }
    expect(Math.min(found.recognised, found.not)).toBeGreaterThan(40);
  });
});
