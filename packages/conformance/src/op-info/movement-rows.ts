/**
 * Rows of operations that move elements and compute nothing: shapes, orders, joins, parts, padding. Indices are `selection-rows.ts`.
 */
import { cat, ones, pad, stack, type Tensor } from '@torchlet/tensor';
import { at, axisOf, build, permute, plain, type Plain, sizeOf } from './plain.js';
import { everything, float, type OpRow, random, row, same, type Sample, sample } from './row.js';

type Given = Pick<OpRow, 'name' | 'run' | 'reference' | 'samples'> & Partial<OpRow>;

/** Nothing is computed, so everything is exact, and every dtype goes through. */
function movement(given: Given): OpRow {
  return row({ tolerance: 'exact', dtypes: { inputs: everything, result: same }, ...given });
}

const x23 = [float(random([2, 3]))];
const x234 = [float(random([2, 3, 4]))];

const lengthAt = (x: Plain, axis: number): number => x.shape[axis] as number;

/** The reshape to `shape`, where one length may be -1. */
function reshaped(x: Plain, shape: readonly number[]): Plain {
  const known = sizeOf(shape.filter((length) => length >= 0));
  return plain(
    shape.map((length) => (length < 0 ? x.data.length / known : length)),
    x.data,
  );
}

function joined(parts: readonly Plain[], axis: number): Plain {
  const [first] = parts as readonly [Plain];
  const total = parts.reduce((length, part) => length + lengthAt(part, axis), 0);
  return build(first.shape.with(axis, total), (position) => {
    let rest = position[axis] as number;
    for (const part of parts) {
      if (rest < lengthAt(part, axis)) return at(part, position.with(axis, rest));
      rest -= lengthAt(part, axis);
    }
    throw new RangeError('joined: a position outside');
  });
}

function part(x: Plain, axis: number, start: number, length: number, step = 1): Plain {
  return build(x.shape.with(axis, length), (position) =>
    at(x, position.with(axis, start + (position[axis] as number) * step)),
  );
}

const reshapeSamples: readonly Sample[] = [
  sample('[2, 3] to [3, 2]', x23, { args: [[3, 2]] }),
  sample('-1', x234, { args: [[-1, 4]] }),
  sample('to 0-d', [float(random([1, 1]))], { args: [[]] }),
  sample('from 0-d', [float(random([]))], { args: [[1, 1, 1]] }),
  sample('empty', [float(plain([0, 3], []))], { args: [[3, 0, 2]] }),
];

export const movementRows: readonly OpRow[] = [
  movement({
    name: 'reshape',
    run: ([x], [shape]) => (x as Tensor).reshape(shape as number[]),
    reference: ([x], [shape]) => reshaped(x as Plain, shape as number[]),
    samples: reshapeSamples,
    bad: [
      { note: 'other size', call: () => ones([2, 3]).reshape([4, 2]), message: /reshape.*\[2, 3\].*\[4, 2\]/ },
      { note: 'two unknown lengths', call: () => ones([2, 3]).reshape([-1, -1]), message: /reshape.*-1/ },
    ],
  }),
  movement({
    name: 'flatten',
    run: ([x], [from, to]) => (x as Tensor).flatten(from as number, to as number),
    reference: ([x], [from, to]) => {
      const { shape } = x as Plain;
      const [first, last] = [axisOf(from as number, shape.length), axisOf(to as number, shape.length)];
      return reshaped(x as Plain, [
        ...shape.slice(0, first),
        sizeOf(shape.slice(first, last + 1)),
        ...shape.slice(last + 1),
      ]);
    },
    samples: [sample('all', x234, { args: [0, -1] }), sample('from 1', x234, { args: [1, -1] })],
  }),
  movement({
    name: 'permute',
    run: ([x], [order]) => (x as Tensor).permute(...(order as number[])),
    reference: ([x], [order]) =>
      permute(
        x as Plain,
        (order as number[]).map((dim) => axisOf(dim, (x as Plain).shape.length)),
      ),
    samples: [sample('[2, 0, 1]', x234, { args: [[2, 0, 1]] }), sample('negative', x234, { args: [[-1, 0, 1]] })],
    bad: [{ note: 'a dim twice', call: () => ones([2, 3]).permute(0, 0), message: /permute/ }],
  }),
  movement({
    name: 'transpose',
    run: ([x], [a, b]) => (x as Tensor).transpose(a as number, b as number),
    reference: ([x], [a, b]) => {
      const rank = (x as Plain).shape.length;
      const order = Array.from({ length: rank }, (_, axis) => axis);
      const [first, second] = [axisOf(a as number, rank), axisOf(b as number, rank)];
      return permute(x as Plain, order.with(first, second).with(second, first));
    },
    samples: [sample('0, 1', x23, { args: [0, 1] }), sample('-1, 0', x234, { args: [-1, 0] })],
    bad: [{ note: 'a dim outside', call: () => ones([2, 3]).transpose(0, 2), message: /transpose.*2/ }],
  }),
  movement({
    name: 'expand',
    run: ([x], [shape]) => (x as Tensor).expand(shape as number[]),
    reference: ([x], [shape]) => {
      const source = x as Plain;
      const added = (shape as number[]).length - source.shape.length;
      const lengths = (shape as number[]).map((length, axis) => (length < 0 ? lengthAt(source, axis - added) : length));
      return build(lengths, (position) =>
        at(
          source,
          source.shape.map((n, axis) => (n === 1 ? 0 : (position[axis + added] as number))),
        ),
      );
    },
    samples: [
      sample('a length of 1', [float(random([2, 1]))], { args: [[2, 4]] }),
      sample('a new dim', x23, { args: [[2, 2, 3]] }),
      sample('-1', [float(random([1, 3]))], { args: [[4, -1]] }),
      sample('to nothing', [float(random([1, 3]))], { args: [[0, 3]] }),
    ],
    bad: [{ note: 'another length', call: () => ones([2, 3]).expand([2, 4]), message: /expand.*\[2, 3\].*\[2, 4\]/ }],
  }),
  movement({
    name: 'squeeze',
    run: ([x], [dim]) => (x as Tensor).squeeze(dim as number | undefined),
    reference: ([x], [dim]) => {
      const { shape, data } = x as Plain;
      const chosen = dim === undefined ? undefined : axisOf(dim as number, shape.length);
      return plain(
        shape.filter((length, axis) => length !== 1 || (chosen !== undefined && axis !== chosen)),
        data,
      );
    },
    samples: [sample('all', [float(random([1, 3, 1]))]), sample('one', [float(random([1, 3, 1]))], { args: [-1] })],
  }),
  movement({
    name: 'unsqueeze',
    run: ([x], [dim]) => (x as Tensor).unsqueeze(dim as number),
    reference: ([x], [dim]) => {
      const { shape, data } = x as Plain;
      return plain(shape.toSpliced(axisOf(dim as number, shape.length + 1), 0, 1), data);
    },
    samples: [sample('0', x23, { args: [0] }), sample('-1', x23, { args: [-1] })],
    bad: [{ note: 'outside', call: () => ones([2]).unsqueeze(3), message: /unsqueeze.*3/ }],
  }),
  movement({
    name: 'flip',
    run: ([x], [dims]) => (x as Tensor).flip(dims as number[]),
    reference: ([x], [dims]) => {
      const source = x as Plain;
      const axes = (dims as number[]).map((dim) => axisOf(dim, source.shape.length));
      return build(source.shape, (position) =>
        at(
          source,
          position.map((i, axis) => (axes.includes(axis) ? lengthAt(source, axis) - 1 - i : i)),
        ),
      );
    },
    samples: [sample('one dim', x23, { args: [[1]] }), sample('two dims', x234, { args: [[0, -1]] })],
  }),
  movement({
    name: 'narrow',
    run: ([x], [dim, start, length]) => (x as Tensor).narrow(dim as number, start as number, length as number),
    reference: ([x], [dim, start, length]) => part(x as Plain, dim as number, start as number, length as number),
    samples: [sample('middle', x234, { args: [2, 1, 2] }), sample('nothing', x23, { args: [1, 3, 0] })],
    bad: [{ note: 'past the end', call: () => ones([2, 3]).narrow(1, 2, 2), message: /narrow.*3/ }],
  }),
  movement({
    name: 'cat',
    run: (parts, [dim]) => cat([...parts], dim as number),
    reference: (parts, [dim]) => joined(parts, axisOf(dim as number, (parts[0] as Plain).shape.length)),
    samples: [
      sample('dim 0', [float(random([2, 3])), float(random([1, 3], undefined, 2))], { args: [0] }),
      sample('dim -1, three', [float(random([2, 1])), float(random([2, 3])), float(random([2, 2]))], { args: [-1] }),
      sample('one is empty', [float(plain([0, 3], [])), float(random([2, 3]))], { args: [0] }),
      sample('signed zeros', [float(plain([2], [-0, 0])), float(plain([1], [-0]))], { args: [0], smooth: false }),
    ],
    bad: [
      { note: 'other lengths', call: () => cat([ones([2, 3]), ones([2, 2])], 0), message: /cat.*\[2, 3\].*\[2, 2\]/ },
    ],
  }),
  movement({
    name: 'stack',
    run: (parts, [dim]) => stack([...parts], dim as number),
    reference: (parts, [dim]) => {
      const axis = axisOf(dim as number, (parts[0] as Plain).shape.length + 1);
      return joined(
        parts.map(({ shape, data }) => plain(shape.toSpliced(axis, 0, 1), data)),
        axis,
      );
    },
    samples: [
      sample('dim 0', [float(random([3])), float(random([3], undefined, 2))], { args: [0] }),
      sample('last', [float(random([2, 3])), float(random([2, 3], undefined, 2))], { args: [-1] }),
      sample('0-d', [float(random([])), float(random([], undefined, 2))], { args: [0] }),
    ],
  }),
  movement({
    name: 'clone',
    run: ([x]) => (x as Tensor).clone(),
    reference: ([x]) => x as Plain,
    samples: [sample('[2, 3]', x23), sample('empty', [float(plain([0], []))])],
  }),
  movement({
    name: 'pad',
    run: ([x], [counts, value]) => pad(x as Tensor, counts as number[], { value: value as number }),
    reference: ([x], [counts, value]) => {
      const source = x as Plain;
      const rank = source.shape.length;
      const before = (axis: number): number => (counts as number[])[2 * (rank - 1 - axis)] ?? 0;
      const after = (axis: number): number => (counts as number[])[2 * (rank - 1 - axis) + 1] ?? 0;
      return build(
        source.shape.map((length, axis) => length + before(axis) + after(axis)),
        (position) => {
          const place = position.map((i, axis) => i - before(axis));
          const inside = place.every((i, axis) => i >= 0 && i < lengthAt(source, axis));
          return inside ? at(source, place) : (value as number);
        },
      );
    },
    samples: [
      sample('last dim', x23, { args: [[1, 2], 0] }),
      sample('two dims, a value', x23, { args: [[1, 0, 0, 2], 1.5] }),
      sample('negative counts cut', x23, { args: [[-1, 1], 0] }),
      sample('of nothing', [float(plain([0, 2], []))], { args: [[0, 0, 1, 1], 2] }),
    ],
    dtypes: null,
  }),
  movement({
    name: 'movedim',
    run: ([x], [source, destination]) => (x as Tensor).movedim(source as number, destination as number),
    reference: ([x], [source, destination]) => {
      const rank = (x as Plain).shape.length;
      const order = Array.from({ length: rank }, (_, axis) => axis).filter((axis) => axis !== source);
      return permute(x as Plain, order.toSpliced(axisOf(destination as number, rank), 0, source as number));
    },
    samples: [sample('first to last', x234, { args: [0, -1] }), sample('last to first', x234, { args: [2, 0] })],
  }),
  movement({
    name: 'select',
    run: ([x], [dim, index]) => (x as Tensor).select(dim as number, index as number),
    reference: ([x], [dim, index]) => {
      const axis = axisOf(dim as number, (x as Plain).shape.length);
      const start = (index as number) < 0 ? (index as number) + lengthAt(x as Plain, axis) : (index as number);
      const picked = part(x as Plain, axis, start, 1);
      return plain(picked.shape.toSpliced(axis, 1), picked.data);
    },
    samples: [sample('middle', x234, { args: [1, 1] }), sample('last, from the end', x234, { args: [-1, -1] })],
    bad: [{ note: 'outside', call: () => ones([2, 3]).select(0, 2), message: /select.*2/ }],
  }),
  movement({
    name: 'split, chunk and unbind, joined in reverse',
    run: ([x]) => {
      const [halves, thirds, rows] = [
        (x as Tensor).split([1, 2], 1),
        (x as Tensor).chunk(2, 2),
        (x as Tensor).unbind(0),
      ];
      return cat(
        [
          ...halves,
          ...thirds.map((third) => third.flatten(1).unsqueeze(2).narrow(1, 0, 2)),
          ...rows.map((row) => row.unsqueeze(0).expand([2, 3, 4])),
        ].map((each) => each.flatten()),
      );
    },
    reference: ([x]) => {
      const source = x as Plain;
      const halves = [part(source, 1, 0, 1), part(source, 1, 1, 2)];
      const thirds = [part(source, 2, 0, 2), part(source, 2, 2, 2)].map((half) =>
        part(reshaped(half, [2, 6]), 1, 0, 2),
      );
      const rows = [0, 1].map((i) => part(source, 0, i, 1)).map((row) => joined([row, row], 0));
      const data = [...halves, ...thirds, ...rows].flatMap((piece) => piece.data);
      return plain([data.length], data);
    },
    samples: [sample('[2, 3, 4]', x234)],
    bad: [{ note: 'sizes that do not add up', call: () => ones([5]).split([2, 2]), message: /split.*4.*5/ }],
  }),
];
