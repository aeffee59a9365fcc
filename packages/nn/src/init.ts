/**
 * First values of parameters (https://pytorch.org/docs/stable/nn.init.html). Drawn on the host, one draw a tensor in row-major order, so that equal
 * seeds give equal weights to the bit on every device. Owns the formulas; layers draw their parameters in the order of their fields.
 */
import {
  defaultGenerator,
  type Generator,
  noGrad,
  type Shape,
  type Tensor,
  tensor as tensorOf,
} from '@torchlet/tensor';

export interface DrawOptions {
  /** Draws the numbers; the default generator if not given. */
  readonly generator?: Generator | undefined;
}

/** What gain keeps the variance through; `leakyRelu` takes its slope as `a`. */
export type Nonlinearity = 'linear' | 'conv' | 'sigmoid' | 'tanh' | 'relu' | 'leakyRelu' | 'selu';

export interface KaimingOptions extends DrawOptions {
  /** Slope of the leaky relu that follows. Default 0. */
  readonly a?: number;
  /** Keep the variance of the forward pass (`fanIn`, the default) or of the backward pass. */
  readonly mode?: 'fanIn' | 'fanOut';
  readonly nonlinearity?: Nonlinearity;
}

/** The factor that a nonlinearity needs to keep the variance. */
export function calculateGain(nonlinearity: Nonlinearity, a = 0.01): number {
  switch (nonlinearity) {
    case 'linear':
    case 'conv':
    case 'sigmoid':
      return 1;
    case 'tanh':
      return 5 / 3;
    case 'relu':
      return Math.SQRT2;
    case 'leakyRelu':
      return Math.sqrt(2 / (1 + a * a));
    case 'selu':
      return 3 / 4;
    default: {
      const never: never = nonlinearity;
      return never;
    }
  }
}

/** How many inputs each output is summed from, and how many outputs each input goes to, for a weight of [out, in, ...receptive field]. */
export function fansOf(shape: Shape): { readonly fanIn: number; readonly fanOut: number } {
  const [out, inputs, ...field] = shape;
  if (out === undefined || inputs === undefined) {
    throw new RangeError(`init: fan in and fan out need at least 2 dims, got [${shape.join(', ')}]`);
  }
  const receptive = field.reduce((product, length) => product * length, 1);
  return { fanIn: inputs * receptive, fanOut: out * receptive };
}

/** `size` numbers uniform in [low, high). */
export function uniformValues(size: number, low: number, high: number, { generator }: DrawOptions): Float64Array {
  return Float64Array.from((generator ?? defaultGenerator).uniform(size), (u) => low + u * (high - low));
}

/** `size` normal numbers. */
export function normalValues(size: number, mean: number, std: number, { generator }: DrawOptions): Float64Array {
  return Float64Array.from((generator ?? defaultGenerator).normal(size), (z) => mean + z * std);
}

/** Uniform in [low, high). */
export function uniform_(tensor: Tensor, low = 0, high = 1, options: DrawOptions = {}): Tensor {
  return filled(tensor, uniformValues(tensor.numel(), low, high, options));
}

export function normal_(tensor: Tensor, mean = 0, std = 1, options: DrawOptions = {}): Tensor {
  return filled(tensor, normalValues(tensor.numel(), mean, std, options));
}

/** Normal, drawn again where it falls outside [low, high]. */
export function truncNormal_(tensor: Tensor, mean = 0, std = 1, low = -2, high = 2, options: DrawOptions = {}): Tensor {
  const values = new Float64Array(tensor.numel());
  let missing = Array.from(values.keys());
  while (missing.length > 0) {
    const drawn = normalValues(missing.length, mean, std, options);
    missing = missing.filter((position, i) => {
      const value = drawn[i] as number;
      values[position] = value;
      return value < low || value > high;
    });
  }
  return filled(tensor, values);
}

export function constant_(tensor: Tensor, value: number): Tensor {
  return filled(tensor, new Float64Array(tensor.numel()).fill(value));
}

export function zeros_(tensor: Tensor): Tensor {
  return constant_(tensor, 0);
}

export function ones_(tensor: Tensor): Tensor {
  return constant_(tensor, 1);
}

/** 1 on the diagonal of a matrix, 0 elsewhere. @throws RangeError for other ranks. */
export function eye_(tensor: Tensor): Tensor {
  const [rows, columns] = matrixShape('eye_', tensor);
  const values = new Float64Array(rows * columns);
  for (let i = 0; i < Math.min(rows, columns); i++) values[i * columns + i] = 1;
  return filled(tensor, values);
}

/** Uniform with the bound gain * sqrt(6 / (fanIn + fanOut)) (Glorot and Bengio 2010, http://proceedings.mlr.press/v9/glorot10a). */
export function xavierUniform_(tensor: Tensor, gain = 1, options: DrawOptions = {}): Tensor {
  const { fanIn, fanOut } = fansOf(tensor.shape);
  const bound = gain * Math.sqrt(6 / (fanIn + fanOut));
  return uniform_(tensor, -bound, bound, options);
}

export function xavierNormal_(tensor: Tensor, gain = 1, options: DrawOptions = {}): Tensor {
  const { fanIn, fanOut } = fansOf(tensor.shape);
  return normal_(tensor, 0, gain * Math.sqrt(2 / (fanIn + fanOut)), options);
}

/** Uniform with the bound gain * sqrt(3 / fan) (He et al. 2015, https://arxiv.org/abs/1502.01852). */
export function kaimingUniform_(tensor: Tensor, options: KaimingOptions = {}): Tensor {
  const bound = Math.sqrt(3) * kaimingStd(tensor.shape, options);
  return uniform_(tensor, -bound, bound, options);
}

export function kaimingNormal_(tensor: Tensor, options: KaimingOptions = {}): Tensor {
  return normal_(tensor, 0, kaimingStd(tensor.shape, options), options);
}

function kaimingStd(shape: Shape, { a = 0, mode = 'fanIn', nonlinearity = 'leakyRelu' }: KaimingOptions): number {
  return calculateGain(nonlinearity, a) / Math.sqrt(fansOf(shape)[mode]);
}

/** Rows or columns, whichever are fewer, orthonormal, times `gain` (Saxe et al. 2013, https://arxiv.org/abs/1312.6120). */
export function orthogonal_(tensor: Tensor, gain = 1, options: DrawOptions = {}): Tensor {
  const [first, ...rest] = tensor.shape;
  if (first === undefined || rest.length === 0) {
    throw new RangeError(`orthogonal_: expected at least 2 dims, got [${tensor.shape.join(', ')}]`);
  }
  const rows = first;
  const columns = tensor.numel() / Math.max(1, rows);
  const count = Math.min(rows, columns);
  const length = Math.max(rows, columns);
  const vectors = orthonormal(normalValues(count * length, 0, 1, options), count, length);
  return filled(
    tensor,
    Float64Array.from({ length: rows * columns }, (_, i) => {
      const [row, column] = [Math.floor(i / columns), i % columns];
      return gain * (vectors[rows <= columns ? row * length + column : column * length + row] as number);
    }),
  );
}

/** `count` vectors of `length`, each made orthogonal to those before it: modified Gram-Schmidt, twice, which is as exact as QR. */
function orthonormal(vectors: Float64Array, count: number, length: number): Float64Array {
  for (let i = 0; i < count; i++) {
    const vector = vectors.subarray(i * length, (i + 1) * length);
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < i; j++) {
        const other = vectors.subarray(j * length, (j + 1) * length);
        const along = dot(vector, other);
        for (let k = 0; k < length; k++) vector[k] = (vector[k] as number) - along * (other[k] as number);
      }
    }
    const norm = Math.sqrt(dot(vector, vector));
    for (let k = 0; k < length; k++) vector[k] = (vector[k] as number) / norm;
  }
  return vectors;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

function matrixShape(op: string, tensor: Tensor): readonly [number, number] {
  const [rows, columns] = tensor.shape;
  if (tensor.ndim !== 2 || rows === undefined || columns === undefined) {
    throw new RangeError(`${op}: expected a matrix, got [${tensor.shape.join(', ')}]`);
  }
  return [rows, columns];
}

function filled(tensor: Tensor, values: Float64Array): Tensor {
  const { shape, dtype } = tensor;
  return noGrad(() => tensor.copy_(tensorOf(values, { shape, dtype })));
}
