/**
 * The movement primitives as index maps: which element of the input an element of the output is. Owns that one table; the functions of
 * `Indices` keep the maps free of divisions where axes are only split and merged.
 */
import type { Expression } from '@torchlet/device';
import type { Primitive, PrimitiveOf } from '@torchlet/graph';
import type { Item } from '../schedule/item.js';
import type { Builder } from './builder.js';
import type { Index } from './index-map.js';

/** A movement that is a map of indices; `cat` is not one, it is stored part by part. */
export type IndexMap = Exclude<PrimitiveOf<'movement'>, 'cat'>;

interface Moved {
  readonly at: readonly Index[];
  /** Where false, the element is the item's fill value. */
  readonly mask: Expression | null;
}

/** `start` lowers the run-time start of a shrink. */
type Move = (item: Item, at: readonly Index[], builder: Builder, start: (item: Item, limit: number) => Index) => Moved;

export const indexMaps: { readonly [Name in IndexMap]: Move } = {
  reshape: (item, at, { indices }) => {
    const shape = shapeOf(item);
    return plain(indices.unflatten(indices.flatten(at, item.shape), shape));
  },
  permute: (item, at) => {
    const moved = new Array<Index>(at.length);
    item.node.attrs.forEach((axis, position) => {
      moved[axis] = at[position] as Index;
    });
    return plain(moved);
  },
  expand: (item, at, { indices }) => {
    const shape = shapeOf(item);
    return plain(at.map((index, axis) => (shape[axis] === 1 ? indices.zero : index)));
  },
  shrink: (item, at, { indices }, start) => {
    const { attrs } = item.node;
    const shape = shapeOf(item);
    const dynamic = attrs[item.shape.length] as number;
    return plain(
      at.map((index, axis) => {
        const first = attrs[axis] as number;
        const moved = indices.add(index, indices.constant(first));
        if (axis !== dynamic) return moved;
        const room = (shape[axis] as number) - (item.shape[axis] as number) - first;
        return indices.add(moved, start(item.inputs[1] as Item, room));
      }),
    );
  },
  pad: (item, at, builder) => {
    const { indices } = builder;
    const shape = shapeOf(item);
    let mask: Expression | null = null;
    const moved = at.map((index, axis) => {
      const before = item.node.attrs[2 * axis] as number;
      const length = shape[axis] as number;
      mask = builder.both(mask, builder.inside(index, before, before + length));
      return indices.bounded(indices.add(index, indices.constant(-before)), 0, length - 1);
    });
    return { at: moved, mask };
  },
  flip: (item, at, { indices }) =>
    plain(
      at.map((index, axis) =>
        item.node.attrs.includes(axis)
          ? indices.add(indices.scale(index, -1), indices.constant((item.shape[axis] as number) - 1))
          : index,
      ),
    ),
  window: (item, at, { indices }) => {
    const [axis, , stride, dilation] = item.node.attrs as [number, number, number, number];
    const within = at[at.length - 1] as Index;
    const moved = at.slice(0, -1);
    moved[axis] = indices.add(indices.scale(at[axis] as Index, stride), indices.scale(within, dilation));
    return plain(moved);
  },
};

export function isIndexMap(op: Primitive): op is IndexMap {
  return op in indexMaps;
}

function shapeOf(item: Item): readonly number[] {
  return (item.inputs[0] as Item).shape;
}

function plain(at: readonly Index[]): Moved {
  return { at, mask: null };
}
