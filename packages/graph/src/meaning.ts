/**
 * What each primitive means: plain loops over row-major elements, the definition of the table in `primitives.ts`. Written to be read, not to
 * be fast; imports nothing of a compiler. What a single element means is in `scalar-meaning.ts`; whole graphs are in `reference.ts`.
 */
import type { CustomKernelSpec } from './build.js';
import type { Node } from './node.js';
import type { Primitive } from './primitives.js';
import { type Element, elementOf, rangeOf } from './exact-meaning.js';
import { scalarMeanings } from './scalar-meaning.js';
import { contiguousStrides, type Shape, sizeOf } from './shape.js';

/** The elements of a node in row-major order. */
export type Elements = readonly Element[];

/** The elements of a node whose inputs have the elements `inputs`. */
export type Meaning = (node: Node, inputs: readonly Elements[]) => Elements;

/** A buffer's elements lie outside of the graph. */
export const meanings: { readonly [Name in Exclude<Primitive, 'buffer'>]: Meaning } = {
  constant: splat,
  scalar: splat,
  iota: (node) => fill(node.shape, ([i = 0]) => elementOf(i, node.dtype)),

  reshape: (_, inputs) => elements(inputs, 0),
  permute: moved((node, index, at) => {
    node.attrs.forEach((axis, position) => {
      at[axis] = index[position] as number;
    });
    return true;
  }),
  expand: moved((node, index, at) => {
    shapeOf(node, 0).forEach((length, axis) => {
      at[axis] = length === 1 ? 0 : (index[axis] as number);
    });
    return true;
  }),
  shrink: (node, inputs) => {
    const axis = node.attrs[node.shape.length] as number;
    const offset = axis < 0 ? 0 : Number(element(elements(inputs, 1), 0));
    const last = axis < 0 ? 0 : (node.attrs[axis] as number) + offset + (node.shape[axis] as number);
    if (axis >= 0 && (last > (shapeOf(node, 0)[axis] as number) || (node.attrs[axis] as number) + offset < 0)) {
      throw new RangeError(`shrink: the box ends at ${last} along axis ${axis}, outside of ${shapeOf(node, 0)[axis]}`);
    }
    return moved((_, index, at) => {
      for (let a = 0; a < index.length; a++) {
        at[a] = (index[a] as number) + (node.attrs[a] as number) + (a === axis ? offset : 0);
      }
      return true;
    })(node, inputs);
  },
  pad: moved((node, index, at) =>
    index.every((position, axis) => {
      const inner = position - (node.attrs[2 * axis] as number);
      at[axis] = inner;
      return inner >= 0 && inner < (shapeOf(node, 0)[axis] as number);
    }),
  ),
  flip: moved((node, index, at) => {
    index.forEach((position, axis) => {
      at[axis] = node.attrs.includes(axis) ? (node.shape[axis] as number) - 1 - position : position;
    });
    return true;
  }),
  window: moved((node, index, at) => {
    const [axis, , stride, dilation] = node.attrs as [number, number, number, number];
    const within = index[index.length - 1] as number;
    for (let a = 0; a < index.length - 1; a++) at[a] = index[a] as number;
    at[axis] = (index[axis] as number) * stride + within * dilation;
    return true;
  }),
  cat: (node, inputs) => {
    const axis = node.attrs[0] as number;
    return fill(node.shape, (index) => {
      let part = 0;
      let position = index[axis] as number;
      while (position >= (shapeOf(node, part)[axis] as number)) position -= shapeOf(node, part++)[axis] as number;
      return element(elements(inputs, part), offsetOf(index.with(axis, position), shapeOf(node, part)));
    });
  },

  neg: elementwise('neg'),
  sqrt: elementwise('sqrt'),
  exp: elementwise('exp'),
  expm1: elementwise('expm1'),
  log: elementwise('log'),
  log1p: elementwise('log1p'),
  sin: elementwise('sin'),
  cos: elementwise('cos'),
  atan: elementwise('atan'),
  tanh: elementwise('tanh'),
  erf: elementwise('erf'),
  floor: elementwise('floor'),
  cast: elementwise('cast'),
  add: elementwise('add'),
  mul: elementwise('mul'),
  div: elementwise('div'),
  idiv: elementwise('idiv'),
  mod: elementwise('mod'),
  max: elementwise('max'),
  pow: elementwise('pow'),
  lt: elementwise('lt'),
  eq: elementwise('eq'),
  and: elementwise('and'),
  or: elementwise('or'),
  xor: elementwise('xor'),
  shl: elementwise('shl'),
  shr: elementwise('shr'),
  where: elementwise('where'),

  reduceSum: reduction('add', (node) => elementOf(0, node.dtype)),
  reduceMax: reduction('max', (node) => rangeOf(node.dtype).least),
  reduceProd: reduction('mul', (node) => elementOf(1, node.dtype)),
  matmul: (node, inputs) => {
    const [a, b] = [elements(inputs, 0), elements(inputs, 1)];
    const inner = shapeOf(node, 0).at(-1) as number;
    const [rows, columns] = node.shape.slice(-2) as [number, number];
    return fill(node.shape, (_, i) => {
      const column = i % columns;
      const row = (i - column) / columns;
      const batch = Math.floor(row / rows);
      let sum = elementOf(0, node.dtype);
      for (let k = 0; k < inner; k++) {
        const pair = [element(a, row * inner + k), element(b, (batch * inner + k) * columns + column)];
        sum = scalarMeanings.add([sum, scalarMeanings.mul(pair, node.dtype, node.dtype)], node.dtype, node.dtype);
      }
      return sum;
    });
  },

  gather: (node, inputs) => {
    const axis = node.attrs[0] as number;
    const from = shapeOf(node, 0);
    return fill(node.shape, (index, i) => {
      const wanted = Number(element(elements(inputs, 1), i));
      const nearest = Math.min(Math.max(wanted, 0), (from[axis] as number) - 1);
      return element(elements(inputs, 0), offsetOf(index.with(axis, nearest), from));
    });
  },
  scatterAdd: (node, inputs) => {
    const axis = node.attrs[0] as number;
    const sums = [...elements(inputs, 0)];
    forEachIndex(shapeOf(node, 1), (index, i) => {
      const place = Number(element(elements(inputs, 1), i));
      if (place < 0 || place >= (node.shape[axis] as number)) return;
      const offset = offsetOf(index.with(axis, place), node.shape);
      sums[offset] = scalarMeanings.add(
        [element(sums, offset), element(elements(inputs, 2), i)],
        node.dtype,
        node.dtype,
      );
    });
    return sums;
  },

  contiguous: (_, inputs) => elements(inputs, 0),
  copy: (_, inputs) => elements(inputs, 0),
  detach: (_, inputs) => elements(inputs, 0),
  attach: (_, inputs) => elements(inputs, 0),
  assign: (node, inputs) => {
    const written = [...elements(inputs, 0)];
    forEachIndex(shapeOf(node, 1), (index, i) => {
      const place = index.map((p, axis) => (node.attrs[2 * axis] as number) + p * (node.attrs[2 * axis + 1] as number));
      written[offsetOf(place, node.shape)] = element(elements(inputs, 1), i);
    });
    return written;
  },

  custom: (node, inputs) => {
    const spec = node.payload as CustomKernelSpec;
    const shapes = node.inputs.map((input) => input.shape);
    const numbers = spec.meaning(
      inputs.map((input) => input.map(Number)),
      shapes,
    );
    if (numbers.length !== sizeOf(node.shape)) {
      throw new RangeError(`custom ${spec.name}: expected ${sizeOf(node.shape)} elements, got ${numbers.length}`);
    }
    return numbers.map((x) => elementOf(x, node.dtype));
  },
};

/** A movement: `from` writes into `at` the place in the input of the element at `index`, and says whether there is one. */
function moved(from: (node: Node, index: readonly number[], at: number[]) => boolean): Meaning {
  return (node, inputs) => {
    const at: number[] = [];
    return fill(node.shape, (index) => {
      if (!from(node, index, at)) return elementOf(node.value, node.dtype);
      return element(elements(inputs, 0), offsetOf(at, shapeOf(node, 0)));
    });
  };
}

function splat(node: Node): Elements {
  return new Array<Element>(sizeOf(node.shape)).fill(elementOf(node.value, node.dtype));
}

function elementwise(name: keyof typeof scalarMeanings & Primitive): Meaning {
  const meaning = scalarMeanings[name];
  return (node, inputs) => {
    const from = (node.inputs.at(-1) as Node).dtype;
    return elements(inputs, 0).map((_, i) =>
      meaning(
        inputs.map((input) => element(input, i)),
        node.dtype,
        from,
      ),
    );
  };
}

function reduction(name: 'add' | 'max' | 'mul', neutral: (node: Node) => Element): Meaning {
  const combine = scalarMeanings[name];
  return (node, inputs) => {
    const results = fill(node.shape, () => neutral(node));
    forEachIndex(shapeOf(node, 0), (index, i) => {
      const offset = offsetOf(
        index.map((position, axis) => (node.attrs.includes(axis) ? 0 : position)),
        node.shape,
      );
      results[offset] = combine([element(results, offset), element(elements(inputs, 0), i)], node.dtype, node.dtype);
    });
    return results;
  };
}

function fill(shape: Shape, at: (index: readonly number[], i: number) => Element): Element[] {
  const results: Element[] = [];
  forEachIndex(shape, (index, i) => results.push(at(index, i)));
  return results;
}

/** Calls `visit` with every index of `shape`, in row-major order. The index is reused. */
function forEachIndex(shape: Shape, visit: (index: readonly number[], i: number) => void): void {
  const index = shape.map(() => 0);
  const size = sizeOf(shape);
  for (let i = 0; i < size; i++) {
    visit(index, i);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const next = (index[axis] as number) + 1;
      index[axis] = next < (shape[axis] as number) ? next : 0;
      if (index[axis] !== 0) break;
    }
  }
}

function offsetOf(index: readonly number[], shape: Shape): number {
  const strides = contiguousStrides(shape);
  let offset = 0;
  for (let axis = 0; axis < shape.length; axis++) offset += (index[axis] as number) * (strides[axis] as number);
  return offset;
}

function shapeOf(node: Node, input: number): Shape {
  return (node.inputs[input] as Node).shape;
}

function elements(inputs: readonly Elements[], position: number): Elements {
  const found = inputs[position];
  if (found === undefined) throw new RangeError(`expected an input ${position}, got ${inputs.length} inputs`);
  return found;
}

function element(from: Elements, position: number): Element {
  const found = from[position];
  if (found === undefined) throw new RangeError(`expected an element ${position}, got ${from.length} elements`);
  return found;
}
