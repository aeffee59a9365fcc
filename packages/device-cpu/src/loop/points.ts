/** Expressions and stores at points whose loops another emitter has written: see `PointEmitter`. Owns no loop and hoists nothing. */
import type { Store } from '@torchlet/device';
import type { KernelSite, Pieces, PointEmitter, Points } from '../kernel-function.js';
import type { FunctionBuilder } from '../wasm/index.js';
import { storeElements } from './elements.js';
import { Emitter } from './emitter.js';
import { Scope } from './scope.js';
import type { Space } from './space.js';

/** An emitter into `f`, a function that `kernelFunction` made; `space` has the axes that expressions may name. */
export function pointEmitter(site: KernelSite, f: FunctionBuilder, space: Space): PointEmitter {
  const at = (points: Points): Emitter => {
    const vector = points.vectorAxis === null ? null : (space.axes[points.vectorAxis] ?? null);
    const emitter = new Emitter(site, f, space, [vector]);
    emitter.scope = new Scope(
      null,
      new Map(
        space.axes.flatMap((variable, axis) => {
          const position = points.axes[axis];
          return position === undefined ? [] : [[variable, position] as const];
        }),
      ),
    );
    emitter.counts = [points.count];
    for (const [id, pieces] of points.results) {
      emitter.results.set(id, [pieces.map((piece) => f.held(`r${id}`, piece))]);
    }
    return emitter;
  };

  return {
    value: (expression, points): Pieces => at(points).pieces(expression),
    store(stores: readonly Store[], points) {
      const emitter = at(points);
      for (const store of stores) emitter.pieces(store.value);
      for (const store of stores) storeElements(emitter, store);
    },
  };
}
