/**
 * What expressions are computed for: a position on every axis of a kernel, the results that are known there, and which of several lanes it is. Owns no code.
 */
import type { Scope } from '../ptx/body.js';
import type { Operand } from '../ptx/register.js';
import type { Dependencies, LaneAxis } from '@torchlet/device/analysis';

/** A register or literal, and the block from which on it is known. */
export interface Value {
  readonly operand: Operand;
  readonly scope: Scope;
}

/** Memory is touched only where `holds`: positions past the end of `axes` are computed with, but neither read nor written. */
export interface Guard {
  readonly holds: Operand;
  readonly axes: ReadonlySet<number>;
}

interface Parts {
  /** By axis; along the lane axis the position of the first lane. */
  readonly coordinates: ReadonlyMap<number, Value>;
  /** By id: one value for all lanes, or one for each. */
  readonly results: ReadonlyMap<number, readonly Value[]>;
  readonly lanes: LaneAxis | null;
  readonly guard: Guard | null;
}

export class Point {
  readonly coordinates: Parts['coordinates'];
  readonly results: Parts['results'];
  readonly lanes: LaneAxis | null;
  readonly guard: Guard | null;
  /** Which lane this is. */
  readonly lane: number;
  /** What tells values of this point from those of others, by what they depend on. */
  readonly keys = new Map<Dependencies, string>();
  readonly #siblings: Point[];

  constructor({ coordinates, results, lanes, guard }: Parts, lane = 0, siblings: Point[] = []) {
    this.coordinates = coordinates;
    this.results = results;
    this.lanes = lanes;
    this.guard = guard;
    this.lane = lane;
    this.#siblings = siblings;
    siblings[lane] = this;
  }

  static at(coordinates: ReadonlyMap<number, Value>): Point {
    return new Point({ coordinates, results: new Map(), lanes: null, guard: null });
  }

  /** The same place in another lane. */
  inLane(lane: number): Point {
    return this.#siblings[lane] ?? new Point(this, lane, this.#siblings);
  }

  /** Every lane. */
  get all(): Point[] {
    return Array.from({ length: this.lanes?.count ?? 1 }, (_, lane) => this.inLane(lane));
  }

  /** A point that differs in some parts; it is the first lane. */
  with(parts: Partial<Parts>): Point {
    const { coordinates, results, lanes, guard } = this;
    return new Point({ coordinates, results, lanes, guard, ...parts });
  }

  withCoordinates(more: ReadonlyMap<number, Value>): Point {
    return this.with({ coordinates: new Map([...this.coordinates, ...more]) });
  }

  withResults(more: ReadonlyMap<number, readonly Value[]>): Point {
    return this.with({ results: new Map([...this.results, ...more]) });
  }

  result(id: number): Value | undefined {
    const values = this.results.get(id);
    return values?.[values.length === 1 ? 0 : this.lane];
  }
}
