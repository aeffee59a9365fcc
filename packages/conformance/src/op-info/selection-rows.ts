/**
 * Rows of operations that pick elements, or write to picked ones: by numbers, slices and integer tensors.
 */
import { ellipsis, type Index, newaxis, ones, slice, type Tensor } from '@torchlet/tensor';
import { at, axisOf, build, type Plain, plain, positions, zip } from './plain.js';
import { bool, everything, float, int64, type OpRow, random, randomIntegers, row, same, sample } from './row.js';

type Given = Pick<OpRow, 'name' | 'run' | 'reference' | 'samples'> & Partial<OpRow>;

/** Nothing is computed, so everything is exact, and every dtype goes through. */
function selection(given: Given): OpRow {
  return row({ tolerance: 'exact', dtypes: { inputs: everything, result: same }, ...given });
}

const x234 = [float(random([2, 3, 4]))];

function part(x: Plain, axis: number, start: number, length: number, step = 1): Plain {
  return build(x.shape.with(axis, length), (position) =>
    at(x, position.with(axis, start + (position[axis] as number) * step)),
  );
}

interface IndexRow {
  readonly index: readonly Index[];
  readonly of: (x: Plain) => Plain;
}

/** Indices of a [2, 3, 4], and what they name. */
const indexRows: Readonly<Record<string, IndexRow>> = {
  'a number': { index: [1], of: (x) => dropped(part(x, 0, 1, 1), 0) },
  'a negative number': { index: [ellipsis, -1], of: (x) => dropped(part(x, 2, 3, 1), 2) },
  'a slice': { index: [slice(), slice(1, 3)], of: (x) => part(x, 1, 1, 2) },
  'a slice with a step': { index: [ellipsis, slice(0, 4, 3)], of: (x) => part(x, 2, 0, 2, 3) },
  'a slice past both ends': { index: [slice(), slice(-100, 100)], of: (x) => x },
  'an empty slice': { index: [slice(1, 1)], of: (x) => part(x, 0, 1, 0) },
  'a new axis': { index: [slice(), newaxis, 1], of: (x) => plain([2, 1, 4], part(x, 1, 1, 1).data) },
  'number, ellipsis, number': {
    index: [0, ellipsis, 2],
    of: (x) => dropped(dropped(part(part(x, 0, 0, 1), 2, 2, 1), 2), 0),
  },
};

function dropped(x: Plain, axis: number): Plain {
  return plain(x.shape.toSpliced(axis, 1), x.data);
}

function indexRow(name: unknown): IndexRow {
  const found = indexRows[name as string];
  if (found === undefined) throw new RangeError(`no index is called ${String(name)}`);
  return found;
}

export const selectionRows: readonly OpRow[] = [
  selection({
    name: 'at',
    run: ([x], [name]) => (x as Tensor).at(...indexRow(name).index),
    reference: ([x], [name]) => indexRow(name).of(x as Plain),
    samples: Object.keys(indexRows).map((name) => sample(name, x234, { args: [name] })),
    bad: [
      { note: 'too many indices', call: () => ones([2, 3]).at(0, 0, 0), message: /index/ },
      { note: 'outside', call: () => ones([2, 3]).at(2), message: /index.*2/ },
      { note: 'a negative step', call: () => ones([3]).at(slice(null, null, -1)), message: /step/ },
    ],
  }),
  selection({
    name: 'setAt',
    run: ([x, value]) => (x as Tensor).clone().setAt([slice(), slice(1, 3)], value as Tensor),
    reference: ([x, value]) =>
      build((x as Plain).shape, ([i = 0, j = 0]) =>
        j >= 1 && j < 3 ? at(value as Plain, [(value as Plain).shape[0] === 1 ? 0 : i, j - 1]) : at(x as Plain, [i, j]),
      ),
    samples: [
      sample('a part', [float(random([2, 4])), float(random([2, 2], undefined, 2))]),
      sample('broadcast', [float(random([3, 4])), float(random([1, 2], undefined, 2))]),
    ],
    bad: [
      {
        note: 'a value of another shape',
        call: () => ones([2, 4]).setAt([slice(), slice(1, 3)], ones([3])),
        message: /setAt/,
      },
    ],
  }),
  selection({
    name: 'gather',
    run: ([x, index], [dim]) => (x as Tensor).gather(dim as number, index as Tensor),
    reference: ([x, index], [dim]) => {
      const axis = axisOf(dim as number, (x as Plain).shape.length);
      return build((index as Plain).shape, (position) =>
        at(x as Plain, position.with(axis, at(index as Plain, position))),
      );
    },
    samples: [
      sample('dim 1', [float(random([2, 3])), int64(randomIntegers([2, 4], 3))], { args: [1] }),
      sample('dim 0, a smaller index', [float(random([4, 3])), int64(randomIntegers([2, 2], 4))], { args: [0] }),
    ],
    dtypes: null,
  }),
  selection({
    name: 'indexSelect',
    run: ([x, index], [dim]) => (x as Tensor).indexSelect(dim as number, index as Tensor),
    reference: ([x, index], [dim]) => {
      const axis = axisOf(dim as number, (x as Plain).shape.length);
      const picks = (index as Plain).data;
      return build((x as Plain).shape.with(axis, picks.length), (position) =>
        at(x as Plain, position.with(axis, picks[position[axis] as number] as number)),
      );
    },
    samples: [
      sample('dim 0, repeated', [float(random([4, 3])), int64(plain([5], [3, 0, 0, 1, 3]))], { args: [0] }),
      sample('last dim', [float(random([2, 3])), int64(plain([2], [2, 1]))], { args: [-1] }),
      sample('nothing', [float(random([2, 3])), int64(plain([0], []))], { args: [1] }),
    ],
    dtypes: null,
  }),
  row({
    name: 'scatterAdd',
    run: ([x, index, source], [dim]) => (x as Tensor).scatterAdd(dim as number, index as Tensor, source as Tensor),
    reference: ([x, index, source], [dim]) => {
      const axis = axisOf(dim as number, (x as Plain).shape.length);
      const base = x as Plain;
      const sums = new Map<string, number>();
      for (const position of positions((index as Plain).shape)) {
        const place = position.with(axis, at(index as Plain, position)).join();
        sums.set(place, (sums.get(place) ?? 0) + at(source as Plain, position));
      }
      return build(base.shape, (position) => at(base, position) + (sums.get(position.join()) ?? 0));
    },
    samples: [
      sample('repeated places', [float(random([4, 3])), int64(randomIntegers([6, 3], 4)), float(random([6, 3]))], {
        args: [0],
      }),
      sample('dim 1', [float(random([2, 5])), int64(randomIntegers([2, 3], 5)), float(random([2, 3]))], { args: [1] }),
    ],
    tolerance: 'accumulated',
  }),
  selection({
    name: 'maskedFill',
    run: ([x, mask]) => (x as Tensor).maskedFill(mask as Tensor, 7),
    reference: ([x, mask]) => zip((value = 0, masked = 0) => (masked === 0 ? value : 7), x as Plain, mask as Plain),
    samples: [
      sample('one shape', [float(random([2, 2])), bool(plain([2, 2], [1, 0, 0, 1]))]),
      sample('a mask of one row', [float(random([3, 2])), bool(plain([2], [1, 0]))]),
    ],
    dtypes: null,
  }),
];
