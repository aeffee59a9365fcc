/**
 * Fusion: walks the nodes in recorded order and decides for each where it is computed: in a kernel that already exists, in one of its own, or
 * wherever it is needed. Owns those decisions. A kernel only ever needs kernels made before it, so no cycle can come up.
 * What a kernel can take is `groups.ts`; what is kept in memory is `stores.ts`.
 */
import type { Capabilities } from '@torchlet/device';
import type { Node } from '@torchlet/graph';
import { Builder } from '../lower/builder.js';
import { type Index, isAffine, onlyAtom } from '../lower/index-map.js';
import { Lowerer, reachable } from '../lower/lower.js';
import { bounds, costOf } from './costs.js';
import { Group, type GroupKind, outsideReads, product, union } from './groups.js';
import type { Item } from './item.js';

export interface FuseOptions {
  readonly capabilities: Capabilities;
  /** False: every node is a kernel of its own, the definition that fusion is tested against. */
  readonly fuse: boolean;
  /** Nodes that a first round found worth keeping. */
  readonly kept: ReadonlySet<Node>;
  /** Nodes that must not share a kernel, because a first round made one with too many buffers. */
  readonly alone: ReadonlySet<Node>;
  /** Asked for every product before it takes in anything else. */
  claim(group: Group): Group['claim'];
}

/** One walk over the nodes of a compilation. */
export class Fuser {
  readonly groups: Group[] = [];
  /** Where the node that is placed now was recorded. */
  position = 0;
  readonly #options: FuseOptions;
  /** Buffers a kernel may read, leaving room for what it writes. */
  readonly #readable: number;
  /** The last group by domain, for work that is independent but alike. */
  readonly #alike = new Map<string, Group>();

  constructor(options: FuseOptions) {
    this.#options = options;
    this.#readable = Math.max(2, options.capabilities.buffersPerKernel - 1);
  }

  /** Decides about `item`; its inputs were decided before. `wanted`: it is an output. */
  place(item: Item, wanted: boolean): void {
    if (item.isLeaf) return;
    this.#weigh(item);
    this.#decide(item, wanted);
    for (const { group } of item.inputs) if (group !== null && group !== item.group) group.needed = true;
  }

  #decide(item: Item, wanted: boolean): void {
    item.kept = this.#options.kept.has(item.node);
    switch (item.op) {
      case 'constant':
      case 'scalar':
      case 'iota':
        break;
      case 'reduceSum':
      case 'reduceMax':
      case 'reduceProd':
        this.#reduce(item);
        return;
      case 'matmul':
        this.#contract(item);
        return;
      case 'scatterAdd':
        this.#alone(item, 'scatter');
        return;
      case 'cat':
        this.#alone(item, 'cat');
        return;
      case 'custom':
        for (const input of item.inputs) {
          this.materialise(input);
          input.kept = true;
        }
        this.#alone(item, 'custom');
        return;
      default:
        if (this.#options.fuse && this.#join(item)) return;
    }
    if (wanted || item.kept || !this.#options.fuse) this.materialise(item);
  }

  /** Gives `item` a kernel that computes it, if it has none. */
  materialise(item: Item): void {
    if (item.isLeaf || item.group !== null) return;
    const key = `e${item.shape.join(',')}`;
    const alike = this.#alike.get(key);
    if (alike !== undefined && this.#sharesWith(alike, item) && this.#accept(alike, item)) return;
    const group = this.#open(
      'loop',
      item.shape,
      item.shape.map(() => false),
    );
    group.take(item, group.axes);
    this.#alike.set(key, group);
  }

  /** What computing `item` in place would mean; inputs that make it too much get kernels of their own. */
  #weigh(item: Item): void {
    const { fuse } = this.#options;
    if (!fuse) for (const input of item.inputs) this.materialise(input);
    for (;;) {
      this.#sum(item);
      if (item.reads.length <= this.#readable && item.weight <= bounds.weight) return;
      if (item.op === 'cat' || item.op === 'custom') return;
      if (item.reads.length <= this.#readable && this.#measured(item) <= bounds.weight) return;
      const heaviest = item.inputs
        .filter((input) => !input.isLeaf && input.group === null && input.inputs.length > 0)
        .sort((a, b) => b.reads.length - a.reads.length || b.weight - a.weight)[0];
      if (heaviest === undefined) return;
      this.materialise(heaviest);
      heaviest.kept = true;
    }
  }

  #sum(item: Item): void {
    item.weight = 1;
    item.cost = costOf(item.op);
    item.after = -1;
    for (const input of item.inputs) {
      if (input.group !== null) {
        item.after = Math.max(item.after, input.group.index);
      } else if (!input.isLeaf) {
        item.weight += input.weight;
        item.cost = Math.min(item.cost + input.cost, 1e9);
        item.after = Math.max(item.after, input.after);
      }
    }
    item.reads = outsideReads(item, null);
  }

  /** The weight with everything shared counted once. */
  #measured(item: Item): number {
    const builder = new Builder();
    const view = {
      slot: (other: Item) => (other.isLeaf || other.group !== null ? other.id : -1),
      result: () => null,
    };
    const at = item.shape.map((length, axis) => builder.indices.axis(axis, length));
    const lowerer = new Lowerer(builder, view, 2 * bounds.weight);
    if (!item.isAnchor && reachable(() => lowerer.lower(item, at)) === null) return Number.POSITIVE_INFINITY;
    item.weight = Math.min(item.weight, Math.ceil(builder.size / 2));
    return item.weight;
  }

  /** Offers `item` to the last kernel it needs. */
  #join(item: Item): boolean {
    if (item.after < 0 || this.#options.alone.has(item.node)) return false;
    const group = this.groups[item.after] as Group;
    return (group.kind === 'loop' || group.kind === 'matmul') && this.#accept(group, item);
  }

  #accept(group: Group, item: Item): boolean {
    if (!this.#hasRoom(group, item)) return false;
    const at = group.pointOf(item);
    if (at === null) return false;
    if (group.reduces && group.kind === 'loop' && group.isInner(at) && !fitsRow(group)) return false;
    if (group.claim !== null && !group.claim.takes(item, at)) return false;
    group.take(item, at);
    return true;
  }

  #hasRoom(group: Group, item: Item): boolean {
    return union(group.reads, outsideReads(item, group)).length <= this.#readable;
  }

  /** Independent work over one domain shares a kernel where it shares memory traffic, or is too small for a kernel of its own. */
  #sharesWith(group: Group, item: Item): boolean {
    return group.index > item.after && this.#sharesReads(group, item);
  }

  /** What an input in another kernel reads counts too: if it is cheap, it is computed again from that. */
  #sharesReads(group: Group, item: Item): boolean {
    const { fuse, alone } = this.#options;
    if (!fuse || alone.has(item.node)) return false;
    const reads = [...outsideReads(item, group), ...item.inputs.flatMap((input) => input.reads)];
    return item.size === 1 || reads.some((id) => group.reads.includes(id));
  }

  #reduce(item: Item): void {
    const x = item.inputs[0] as Item;
    if (this.#options.fuse && !this.#options.alone.has(item.node) && this.#reduceIn(item, x)) return;
    const reduced = x.shape.map((_, axis) => item.node.attrs.includes(axis));
    const key = `r${x.shape.join(',')}:${item.node.attrs.join(',')}`;
    const alike = this.#alike.get(key);
    const shares = alike !== undefined && this.#sharesReads(alike, item) && this.#hasRoom(alike, item);
    const joins = shares && alike.index > item.after && alike.reaches(x, alike.axes);
    const group = joins ? alike : this.#open('loop', x.shape, reduced);
    // What was scheduled too early for this can still run now, if nothing has come to need it.
    if (shares && !joins && !alike.needed) alike.moveTo(group);
    if (group !== alike) this.#alike.set(key, group);
    const { zero } = group.builder.indices;
    group.take(
      item,
      group.axes.map((index, axis) => (reduced[axis] === true ? zero : index)),
    );
  }

  /** Reduces `x` in the kernel that computes it: a further pass over the same rows. */
  #reduceIn(item: Item, x: Item): boolean {
    const group = x.group;
    if (group === null || x.at === null || group.kind !== 'loop' || !this.#hasRoom(group, item)) return false;
    const reduced = new Set<number>();
    for (const axis of item.node.attrs) {
      if (x.shape[axis] === 1) continue;
      const only = onlyAtom(x.at[axis] as Index);
      if (only?.kind !== 'axis') return false;
      reduced.add(only.axis);
    }
    const inner = group.lengths.map((_, axis) => reduced.has(axis));
    const other = x.at.filter((_, axis) => !item.node.attrs.includes(axis));
    if (other.some(({ terms }) => terms.some(({ atom }) => atom.kind !== 'axis' || reduced.has(atom.axis))))
      return false;
    if (group.reduces) {
      const same = group.lengths.every((length, axis) => length === 1 || inner[axis] === group.inner[axis]);
      if (!same) return false;
    } else {
      const points = product(group.lengths.filter((_, axis) => inner[axis] !== true));
      if (!fits(points, product(group.lengths) / points)) return false;
      group.inner = inner;
    }
    const { zero } = group.builder.indices;
    group.take(
      item,
      x.at.map((index, axis) => (item.node.attrs.includes(axis) ? zero : index)),
    );
    return true;
  }

  #contract(item: Item): void {
    const [a, b] = item.inputs as [Item, Item];
    const batch = item.shape.slice(0, -2);
    const [m, n] = item.shape.slice(-2) as [number, number];
    const k = a.shape.at(-1) as number;
    for (const operand of [a, b]) this.#makeLoadable(operand);
    const lengths = [...batch, m, n, k];
    const group = this.#open(
      'matmul',
      lengths,
      lengths.map((_, axis) => axis === lengths.length - 1),
    );
    group.take(item, group.axes.slice(0, -1));
    group.claim = this.#options.claim(group);
  }

  /** A product reads its operands many times over, so they must lie in memory, if need be at an index that is not affine. */
  #makeLoadable(operand: Item): void {
    let base = operand;
    while (base.isMovement && !base.isLeaf) base = base.inputs[0] as Item;
    if (base.inputs.length > 0 || base.isLeaf) this.materialise(base);
    if (this.#options.fuse && this.#isMapped(operand, base)) return;
    this.materialise(operand);
    operand.kept = true;
  }

  /** Whether a product can read `operand` where `base` lies: at an affine index, or because the operand would be larger than `base`. */
  #isMapped(operand: Item, base: Item): boolean {
    const builder = new Builder();
    const view = {
      slot: (item: Item) => (item.isLeaf || (item.group !== null && !item.isMovement) ? item.id : -1),
      result: () => null,
    };
    const at = operand.shape.map((length, axis) => builder.indices.axis(axis, length));
    const expression = new Lowerer(builder, view).lower(operand, at);
    if (expression.kind !== 'load') return false;
    return operand.size > base.size || (expression.mask === null && isAffine(builder.indexOf(expression)));
  }

  #alone(item: Item, kind: GroupKind): void {
    const group = this.#open(kind, item.shape, []);
    group.take(item, group.axes);
  }

  #open(kind: GroupKind, lengths: readonly number[], inner: readonly boolean[]): Group {
    const group = new Group(this.groups.length, kind, lengths, inner, this.position);
    this.groups.push(group);
    return group;
  }
}

function fitsRow(group: Group): boolean {
  return fits(group.points, product(group.lengths) / group.points);
}

/** Whether rows of `length` are worth a pass per row. */
function fits(rows: number, length: number): boolean {
  return length <= (rows === 1 ? bounds.onlyRow : bounds.row);
}
