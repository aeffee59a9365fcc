/**
 * Copies of blocks of the operands into scratch, in the order in which tiles read them. Owns what the two sides share: walks in fours, lanes
 * from strided elements, computed values. The sides are `pack-left.ts` and `pack-right.ts`; which are packed is `plan.ts`.
 */
import type { Expression } from '@torchlet/device';
import type { Pieces, Position } from '../kernel-function.js';
import type { Count } from '../loop/lanes.js';
import { i32, type Local } from '../wasm/index.js';
import type { At, Direction, MatmulSite } from './matmul-site.js';

/** From `start` to before `end`. */
export interface Span {
  readonly start: Local;
  readonly end: Local;
}

export function position(local: Local): Position {
  return { local, offset: 0 };
}

/** Runs `body` for every fourth position of the span that has four left, then for what is left, one at a time. */
export function byFours(
  { f }: MatmulSite,
  name: string,
  { start, end }: Span,
  body: (at: Local, count: 1 | 4) => void,
): void {
  const at = f.let(name, start);
  const fourAreLeft = i32.leU(i32.add(at, 4), end);
  f.if(fourAreLeft, () =>
    f.loop((again) => {
      body(at, 4);
      f.advance(at, 4);
      f.branchIf(again, fourAreLeft);
    }),
  );
  f.while(at, end, 1, () => body(at, 1));
}

/** `count` elements as lanes: the first `offset` bytes past the pointer, the others `stride` bytes apart. */
export function lanesApart(
  { memory }: MatmulSite,
  pointer: Local,
  offset: number,
  stride: number,
  count: Count,
): Pieces {
  return memory.gather((setLane) => {
    for (let lane = 0; lane < count; lane++) {
      const past = offset + lane * stride;
      if (past >= 0) setLane(lane, pointer, past);
      else setLane(lane, i32.add(pointer, past), 0);
    }
  });
}

/** The values of an expression at `count` points along a direction, in locals. */
export function computed(site: MatmulSite, value: Expression, at: At, along: Direction, count: Count): Pieces {
  const pieces = site.points.value(value, site.pointsAt(at, along, count));
  return pieces.map((piece) => (piece.kind === 'local' ? piece : site.f.let('value', piece)));
}
