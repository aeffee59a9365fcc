/**
 * Items: the nodes of one compilation as the scheduler works on them. Owns the facts that scheduling finds out about a node (in which
 * kernel it is computed, at which point, whether its value is kept in memory); the node itself never changes. Read `groups.ts` next.
 */
import type { DType } from '@torchlet/device';
import { type Node, type Primitive, primitives, type Shape, sizeOf } from '@torchlet/graph';
import type { Index } from '../lower/index-map.js';
import type { Group } from './groups.js';

/** Memory that holds values: a leaf's, or what is stored of one item. */
export interface Place {
  readonly id: number;
  readonly dtype: DType;
  /** Elements. */
  size: number;
  /** Number of the leaf whose memory it is; -1 where the program makes the value. */
  readonly leaf: number;
  /** Whether it is host data, copied at each run. */
  readonly host: boolean;
  /** Number of the output it is; -1 for all other places. */
  readonly output: number;
}

export class Item {
  readonly id: number;
  /** `copy` is an item of the scheduler's own: the value of its input, kept in memory. */
  readonly op: Primitive;
  readonly node: Node;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly size: number;
  readonly inputs: readonly Item[];
  /** Where the value lies, once something needs it in memory. */
  place: Place | null;
  /** The kernel that computes it; null while it is computed wherever it is needed. */
  group: Group | null = null;
  /** The point of `group` at which each element is computed. */
  at: readonly Index[] | null = null;
  /** Whether whoever needs it needs it in memory as it is, row-major. */
  kept = false;
  /** Whether its kernel stores it. */
  stored = false;
  /** How many other kernels load it. */
  demanders = 0;
  /** Whether one of these reads it again and again, as an operand of a product. */
  operand = false;
  /** Whether it is written in place. */
  written = false;
  /** The last group without which it can't be computed; -1 where leaves are enough. */
  after = -1;
  /** At most this many items are computed for one element, those of other kernels aside. */
  weight = 1;
  /** What one element costs, in additions, those of other kernels aside. */
  cost = 0;
  /** What is read for it, as ids of items in other kernels and of leaves, in rising order. */
  reads: readonly number[] = [];

  constructor(id: number, node: Node, op: Primitive, inputs: readonly Item[], place: Place | null) {
    this.id = id;
    this.op = op;
    this.node = node;
    this.dtype = node.dtype;
    this.shape = node.shape;
    this.size = sizeOf(node.shape);
    this.inputs = inputs;
    this.place = place;
  }

  /** Forgets what is stored, for another decision. */
  forgetStores(): void {
    this.stored = false;
    this.demanders = 0;
    this.operand = false;
  }

  get isLeaf(): boolean {
    return this.place !== null && this.place.leaf >= 0;
  }

  get isMovement(): boolean {
    return primitives[this.op].class === 'movement' && this.op !== 'cat';
  }

  /** A result of a kernel that no other expression can stand for. */
  get isAnchor(): boolean {
    const kind = primitives[this.op].class;
    return (
      kind === 'reduce' || kind === 'contraction' || this.op === 'scatterAdd' || this.op === 'cat' || kind === 'escape'
    );
  }
}
