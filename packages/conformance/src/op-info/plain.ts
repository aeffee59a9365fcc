/**
 * Plain arrays: numbers in row-major order with a shape, and the few loops that references are written with. Float64 throughout, nothing shared with
 * the library under test, written to be read and not to be fast.
 */

export interface Plain {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

export function plain(shape: readonly number[], data: Iterable<number>): Plain {
  const values = [...data];
  if (values.length !== sizeOf(shape)) {
    throw new RangeError(`plain: shape [${shape.join(', ')}] has ${sizeOf(shape)} elements, got ${values.length}`);
  }
  return { shape, data: values };
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, length) => size * length, 1);
}

/** Every position of a shape, in row-major order. */
export function positions(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>(
    (partial, length) => partial.flatMap((start) => Array.from({ length }, (_, i) => [...start, i])),
    [[]],
  );
}

/** The element at a position. */
export function at(x: Plain, position: readonly number[]): number {
  let index = 0;
  for (const [axis, length] of x.shape.entries()) index = index * length + (position[axis] as number);
  const value = x.data[index];
  if (value === undefined) throw new RangeError(`[${position.join(', ')}] is outside [${x.shape.join(', ')}]`);
  return value;
}

/** The array whose element at each position is `value(position)`. */
export function build(shape: readonly number[], value: (position: readonly number[]) => number): Plain {
  return plain(shape, positions(shape).map(value));
}

export function map(x: Plain, f: (value: number) => number): Plain {
  return plain(x.shape, x.data.map(f));
}

/** Applies `f` to elements that meet by PyTorch's broadcasting rule. */
export function zip(f: (...values: number[]) => number, ...arrays: readonly Plain[]): Plain {
  const rank = Math.max(...arrays.map(({ shape }) => shape.length));
  const shape = Array.from({ length: rank }, (_, axis) =>
    arrays.reduce((length, x) => {
      const own = x.shape[axis - (rank - x.shape.length)] ?? 1;
      return length === 1 ? own : length;
    }, 1),
  );
  return build(shape, (position) =>
    f(
      ...arrays.map((x) =>
        at(
          x,
          x.shape.map((length, axis) => (length === 1 ? 0 : (position[axis + rank - x.shape.length] as number))),
        ),
      ),
    ),
  );
}

/** The axis that a dim means: negative ones count from the end. */
export function axisOf(dim: number, rank: number): number {
  return dim < 0 ? dim + Math.max(rank, 1) : dim;
}

/** The axes that `dim` means; all of them where there is none. */
export function axesOf(dim: number | readonly number[] | undefined, rank: number): number[] {
  if (dim === undefined) return Array.from({ length: rank }, (_, axis) => axis);
  return [dim].flat().map((d) => axisOf(d, rank));
}

/** Combines the elements along `axes`, given in row-major order. */
export function reduce(
  x: Plain,
  axes: readonly number[],
  keepdim: boolean,
  f: (values: readonly number[]) => number,
): Plain {
  const inner = axes.map((axis) => x.shape[axis] ?? 1);
  const outer = x.shape.map((length, axis) => (axes.includes(axis) ? 1 : length));
  const combined = build(outer, (position) =>
    f(
      positions(inner).map((within) => {
        const place = [...position];
        for (const [i, axis] of axes.entries()) place[axis] = within[i] as number;
        return at(x, place);
      }),
    ),
  );
  return keepdim
    ? combined
    : plain(
        x.shape.filter((_, axis) => !axes.includes(axis)),
        combined.data,
      );
}

/** Replaces every line along `axis` by `f` of it. */
export function lines(x: Plain, axis: number, f: (line: readonly number[]) => readonly number[]): Plain {
  if (x.shape.length === 0) return plain([], f(x.data));
  const result = new Map<string, readonly number[]>();
  const length = x.shape[axis] as number;
  const shape = [...x.shape];
  const start = x.shape.map((n, a) => (a === axis ? 1 : n));
  let newLength = length;
  for (const position of positions(start)) {
    const line = f(Array.from({ length }, (_, i) => at(x, position.with(axis, i))));
    newLength = line.length;
    result.set(position.join(), line);
  }
  shape[axis] = newLength;
  return build(
    shape,
    (position) => (result.get(position.with(axis, 0).join()) ?? [])[position[axis] as number] as number,
  );
}

export function permute(x: Plain, order: readonly number[]): Plain {
  const shape = order.map((axis) => x.shape[axis] as number);
  return build(shape, (position) => {
    const place = new Array<number>(order.length);
    for (const [i, axis] of order.entries()) place[axis] = position[i] as number;
    return at(x, place);
  });
}

/** The matrix product of two 2-d arrays. */
export function product(a: Plain, b: Plain): Plain {
  const [m = 0, k = 0] = a.shape;
  const n = b.shape[1] ?? 0;
  return build([m, n], ([i = 0, j = 0]) => {
    let sum = 0;
    for (let p = 0; p < k; p++) sum += at(a, [i, p]) * at(b, [p, j]);
    return sum;
  });
}
