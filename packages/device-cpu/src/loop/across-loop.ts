/**
 * Element-wise work that turns its operands: stores run along one variable, loads along another. Four positions of the other are the blocks, so
 * that sixteen elements are loaded as rows and turned in registers; the vector variable runs in tiles, so that what a row brought into the cache
 * is used. Owns the order of these loops; the turning is in `elements.ts`.
 */
import { i32, type Local, type Operand, select } from '../wasm/index.js';
import type { Variable } from './affine.js';
import type { Emitter } from './emitter.js';
import type { Count } from './lanes.js';
import { loop, type Work } from './nest.js';
import { Scope } from './scope.js';

/** Elements of the vector variable in a tile: as many rows stay in the nearest cache. */
const tile = 64;

export interface AcrossPlan {
  /** The lanes. */
  readonly variable: Variable;
  /** The blocks. */
  readonly across: Variable;
}

/**
 * Every point of the two variables; `body` computes the blocks of `emitter.counts`.
 *
 * @param part of `across`, where threads share it: multiples of 4, but that the last end is the length.
 */
export function acrossLoop(
  emitter: Emitter,
  { variable, across }: AcrossPlan,
  part: { readonly begin: Local; readonly end: Local } | null,
  works: readonly Work[],
  body: () => void,
): void {
  const { f } = emitter;
  const wholeLanes = Math.floor(variable.length / 4) * 4;
  const wholeBlocks = Math.floor(across.length / 4) * 4;
  const restLanes = (variable.length % 4) as 0 | Count;
  const restBlocks = (across.length % 4) as 0 | Count;
  const fixed = (of: Variable, offset: number, write: () => void) => {
    const outer = emitter.scope;
    emitter.scope = new Scope(outer, new Map([[of, { local: null, offset }]]));
    write();
    emitter.scope = outer;
  };
  const counts = (blocks: Count, lanes: Count) => {
    emitter.counts = Array.from({ length: blocks }, () => lanes);
  };

  /** `write` for each four positions of `across`, then for the rest. */
  const eachFour = (write: (blocks: Count) => void) => {
    const start: Operand = part === null ? 0 : part.begin;
    const end =
      part === null ? wholeBlocks : f.let('last', select(part.end, wholeBlocks, i32.ltU(part.end, wholeBlocks)));
    const fours = () => loop(emitter, across, { start, end }, 4, works, () => write(4));
    if (wholeBlocks > 0 && part === null) fours();
    if (wholeBlocks > 0 && part !== null) f.if(i32.ltU(start, end), () => emitter.inside(new Map(), fours));
    if (restBlocks === 0) return;
    const rest = () => fixed(across, wholeBlocks, () => write(restBlocks));
    if (part === null) rest();
    else f.if(i32.eq(part.end, across.length), rest);
  };

  emitter.across = across;
  if (wholeLanes > 0) {
    const from = f.let('tile', i32.const(0));
    f.repeat(from, wholeLanes, tile, () => {
      const next = f.let('next', i32.add(from, tile));
      const to = f.let('to', select(next, wholeLanes, i32.ltU(next, wholeLanes)));
      emitter.inside(new Map(), () =>
        eachFour((blocks) => {
          counts(blocks, 4);
          loop(emitter, variable, { start: from, end: to }, 4, works, body);
        }),
      );
    });
  }
  if (restLanes > 0) {
    emitter.inside(new Map(), () =>
      eachFour((blocks) => {
        counts(blocks, restLanes as Count);
        fixed(variable, wholeLanes, body);
      }),
    );
  }
  emitter.across = null;
}
