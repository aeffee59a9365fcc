/** Expressions and stores at points whose loops another emitter has written: see `PointEmitter`. Owns no loop and hoists nothing. */
import { type Expression, type Store, storeParts } from '@torchlet/device';
import type { KernelSite, Pieces, PointEmitter, Points } from '../kernel-function.js';
import type { FunctionBuilder } from '../wasm/index.js';
import { storeElements } from './elements.js';
import { Emitter } from './emitter.js';
import { Scope } from './scope.js';
import { plainSpace } from './space.js';

/** An emitter into `f`, a function that `kernelFunction` made; `lengths` are those of the axes that expressions may name. */
export function pointEmitter(site: KernelSite, f: FunctionBuilder, lengths: readonly number[]): PointEmitter {
  const at = <T>(points: Points, roots: readonly Expression[], write: (emitter: Emitter) => T): T => {
    const space = plainSpace(lengths, roots);
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
    return write(emitter);
  };

  return {
    value(expression, points): Pieces {
      return at(points, [expression], (emitter) => emitter.pieces(expression));
    },
    store(stores: readonly Store[], points) {
      at(points, storeParts(stores), (emitter) => {
        for (const store of stores) emitter.pieces(store.value);
        for (const store of stores) storeElements(emitter, store);
      });
    },
  };
}
