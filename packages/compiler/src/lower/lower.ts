/**
 * Lowering: the value of an item at an index, as an expression of one kernel. Owns what each primitive is in expressions; what is loaded
 * from memory and what is a result of the kernel itself, the caller says. Depth is bounded by the scheduler, which cuts long chains.
 */
import { dtypes, type Expression, type ScalarFunction } from '@torchlet/device';
import { isElementwise } from '@torchlet/graph';
import type { Item } from '../schedule/item.js';
import type { Builder } from './builder.js';
import type { Index } from './index-map.js';
import { indexMaps, isIndexMap } from './movement.js';

/** How one kernel sees items. */
export interface View {
  /** The slot to load the item from; -1 where it is computed in the kernel. */
  slot(item: Item): number;
  /** Number and point of a result of this kernel; null for all other items. */
  result(item: Item): { readonly id: number; readonly at: readonly Index[] } | null;
}

/** An item is asked of a kernel at another point than the one where the kernel has it, or the expression outgrows its bound. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

/** What `lower` gives; null where it is unreachable. */
export function reachable<T>(lower: () => T): T | null {
  try {
    return lower();
  } catch (error) {
    if (error instanceof Unreachable) return null;
    throw error;
  }
}

export class Lowerer {
  readonly builder: Builder;
  readonly #view: View;
  readonly #known = new Map<string, Expression>();
  readonly #bound: number;

  constructor(builder: Builder, view: View, bound = Number.POSITIVE_INFINITY) {
    this.builder = builder;
    this.#view = view;
    this.#bound = bound;
  }

  /**
   * The element of `item` at `at`, where `mask` holds; memory is not touched elsewhere.
   *
   * @throws Unreachable as the class says.
   */
  lower(item: Item, at: readonly Index[], mask: Expression | null = null): Expression {
    let key = `${item.id}|${mask === null ? '' : this.builder.id(mask)}`;
    for (let axis = 0; axis < at.length; axis++) key += `|${(at[axis] as Index).key}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const expression = this.#lower(item, at, mask);
    if (this.builder.size > this.#bound) throw new Unreachable(`more than ${this.#bound} expressions`);
    this.#known.set(key, expression);
    return expression;
  }

  #lower(item: Item, at: readonly Index[], mask: Expression | null): Expression {
    const { builder } = this;
    const slot = this.#view.slot(item);
    if (slot >= 0) return builder.load(slot, item.dtype, builder.indices.flatten(at, item.shape), mask);
    const result = this.#view.result(item);
    if (result !== null) {
      if (!sameAt(result.at, at)) throw new Unreachable(`${item.op} is needed at another point`);
      return builder.result(result.id, item.dtype);
    }
    const { op } = item;
    if (isIndexMap(op)) return this.#move(op, item, at, mask);
    if (isElementwise(op)) {
      const args = item.inputs.map((input) => this.lower(input, at, mask));
      return builder.apply(op as ScalarFunction, item.dtype, args);
    }
    switch (op) {
      case 'constant':
        return builder.constant(constantOf(item), item.dtype);
      case 'scalar':
        // Simplified, it has its position among the runtime scalars for a value.
        return builder.scalar(Number(item.node.value), item.dtype);
      case 'iota':
        return builder.cast(builder.index(at[0] as Index), item.dtype);
      case 'gather':
        return this.#gather(item, at, mask);
      case 'assign':
        return this.#assign(item, at, mask);
      case 'copy':
        return this.lower(item.inputs[0] as Item, at, mask);
      default:
        throw new Error(`compiler: ${op} has no value outside of its kernel`);
    }
  }

  #move(op: keyof typeof indexMaps, item: Item, at: readonly Index[], mask: Expression | null): Expression {
    const { builder } = this;
    const start = (from: Item, limit: number) => this.#start(from, limit, mask);
    const moved = indexMaps[op](item, at, builder, start);
    const value = this.lower(item.inputs[0] as Item, moved.at, builder.both(mask, moved.mask));
    if (moved.mask === null) return value;
    const fill = item.node.value;
    if (value.kind === 'load' && value.mask === builder.both(mask, moved.mask) && typeof fill === 'number') {
      return builder.loadOr(value, fill);
    }
    return builder.apply('where', item.dtype, [moved.mask, value, builder.constant(constantOf(item), item.dtype)]);
  }

  /** The op library keeps the start of a runtime scalar inside; a computed one is clamped here, so that no load leaves its slot. */
  #start(item: Item, limit: number, mask: Expression | null): Index {
    const { builder } = this;
    const at = item.shape.map(() => builder.indices.zero);
    const value = builder.cast(this.lower(item, at, mask), 'int32');
    const start = value.kind === 'scalar' ? value : this.#clamp(value, limit);
    return builder.indices.data(start, builder.id(start), 0, limit);
  }

  #gather(item: Item, at: readonly Index[], mask: Expression | null): Expression {
    const { builder } = this;
    const [x, index] = item.inputs as [Item, Item];
    const axis = item.node.attrs[0] as number;
    const limit = (x.shape[axis] as number) - 1;
    const found = this.#clamp(this.lower(index, at, mask), limit);
    const moved = [...at];
    moved[axis] =
      found.kind === 'constant'
        ? builder.indices.constant(Number(found.value))
        : builder.indices.data(found, builder.id(found), 0, limit);
    return this.lower(x, moved, mask);
  }

  /** `index` as an int32 within [0, limit]. Wide integers are clamped before they are narrowed. */
  #clamp(index: Expression, limit: number): Expression {
    const { builder } = this;
    if (index.kind === 'constant') {
      return builder.constant(Math.min(Math.max(Number(index.value), 0), limit), 'int32');
    }
    const x = index.dtype === 'int64' ? index : builder.cast(index, 'int32');
    const high = builder.constant(limit, x.dtype);
    const below = builder.apply('where', x.dtype, [builder.apply('lt', 'bool', [high, x]), high, x]);
    return builder.cast(builder.apply('max', x.dtype, [below, builder.constant(0, x.dtype)]), 'int32');
  }

  /** An assignment as a value: the target, but for the places that are written. */
  #assign(item: Item, at: readonly Index[], mask: Expression | null): Expression {
    const { builder } = this;
    const { indices } = builder;
    const [target, value] = item.inputs as [Item, Item];
    let written: Expression | null = null;
    const moved = at.map((index, axis) => {
      const start = item.node.attrs[2 * axis] as number;
      const step = item.node.attrs[2 * axis + 1] as number;
      const length = value.shape[axis] as number;
      written = builder.both(written, builder.inside(index, start, start + (length - 1) * step + 1));
      const from = indices.within(indices.add(index, indices.constant(-start)), 0, (length - 1) * step);
      const [position, rest] = indices.divide(from, step);
      if (rest.min !== 0 || rest.max !== 0) {
        const hit = builder.apply('eq', 'bool', [builder.index(rest), builder.constant(0, 'int32')]);
        written = builder.both(written, hit);
      }
      return position;
    });
    const inside = this.lower(value, moved, builder.both(mask, written));
    if (written === null) return inside;
    return builder.apply('where', item.dtype, [written, inside, this.lower(target, at, mask)]);
  }
}

function sameAt(a: readonly Index[], b: readonly Index[]): boolean {
  for (let axis = 0; axis < a.length; axis++) if ((a[axis] as Index).key !== (b[axis] as Index).key) return false;
  return true;
}

/** The number of a constant or of a fill, in the form its dtype has. */
function constantOf(item: Item): number | bigint {
  const { value } = item.node;
  if (dtypes[item.dtype].kind === 'bool') return Number(value) === 0 ? 0 : 1;
  if (item.dtype !== 'int64') return Number(value);
  return typeof value === 'bigint' ? value : BigInt(Math.trunc(value));
}
