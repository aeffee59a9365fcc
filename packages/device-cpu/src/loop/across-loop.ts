/**
 * Element-wise work that turns its operands: stores run along one variable, loads along another. Four positions of the other are the blocks, so
 * that sixteen elements are loaded as rows and turned in registers; the vector variable runs in tiles, so that what a row brought into the cache
 * is used. Owns the order of these loops; the turning is in `elements.ts`.
 */
import { i32, select } from '../wasm/index.js';
import type { Variable } from './affine.js';
import type { Emitter } from './emitter.js';
import type { Count } from './lanes.js';
import { loop, type Part, steps, type Work } from './nest.js';

/** Elements of the vector variable in a tile: as many rows stay in the nearest cache. */
const tile = 64;

/**
 * Every point of the two variables, lanes along `variable`, blocks along `across`; `body` computes the blocks of `emitter.counts`.
 *
 * @param part of `across`, where threads share it.
 */
export function acrossLoop(
  emitter: Emitter,
  { variable, across }: { readonly variable: Variable; readonly across: Variable },
  part: Part | null,
  works: readonly Work[],
  body: () => void,
): void {
  const { f } = emitter;
  const wholeLanes = Math.floor(variable.length / 4) * 4;
  const restLanes = variable.length - wholeLanes;
  /** `write` for blocks of so many lanes: each four positions of `across`, then the rest. */
  const eachFour = (lanes: number, write: () => void) =>
    emitter.inside(() =>
      steps(emitter, across, 4, part, works, (blocks) => {
        emitter.counts = Array.from({ length: blocks }, () => lanes as Count);
        write();
      }),
    );

  emitter.across = across;
  if (wholeLanes > 0) {
    const from = f.let('tile', i32.const(0));
    f.repeat(from, wholeLanes, tile, () => {
      const next = f.let('next', i32.add(from, tile));
      const to = f.let('to', select(next, wholeLanes, i32.ltU(next, wholeLanes)));
      eachFour(4, () => loop(emitter, variable, { start: from, end: to }, 4, works, body));
    });
  }
  if (restLanes > 0) eachFour(restLanes, () => emitter.fixed(variable, wholeLanes, body));
  emitter.across = null;
}
