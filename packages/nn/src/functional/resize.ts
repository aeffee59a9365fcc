/** Images of other sizes: interpolation, and elements moved between channels and places. */
import { composed, type Tensor, tensor } from '@torchlet/tensor';
import { adaptiveAvgPool1d, adaptiveAvgPool2d, adaptiveAvgPool3d } from './adaptive-pooling.js';
import { printShape } from './shapes.js';
import { padSpatial, type PerDim, perDim, product, range, spatialWindows } from './spatial.js';

export type InterpolateMode = 'nearest' | 'nearest-exact' | 'linear' | 'bilinear' | 'trilinear' | 'bicubic' | 'area';

export interface InterpolateOptions {
  /** Output lengths: one for all spatial dims, or one each. */
  readonly size?: PerDim | null;
  /** Or how many times longer they are. */
  readonly scaleFactor?: number | readonly number[] | null;
  readonly mode?: InterpolateMode;
  /** Whether the first and last elements keep their places, rather than the ends of the range. Default false. */
  readonly alignCorners?: boolean | null;
  /** Whether the scale is that of the resulting lengths, rather than the given one. Default false. */
  readonly recomputeScaleFactor?: boolean | null;
}

/** One output element: sources and weights. */
type Taps = readonly (readonly [source: number, weight: number])[];

const ranks: Readonly<Partial<Record<InterpolateMode, number>>> = { linear: 1, bilinear: 2, bicubic: 2, trilinear: 3 };

/**
 * [n, channels, ...spatial] in other lengths (torch.nn.functional.interpolate), dim by dim.
 *
 * @throws RangeError without a size or scale, and for a mode that does not fit the dims.
 */
export function interpolate(
  input: Tensor,
  {
    size = null,
    scaleFactor = null,
    mode = 'nearest',
    alignCorners = null,
    recomputeScaleFactor = null,
  }: InterpolateOptions = {},
): Tensor {
  const rank = input.ndim - 2;
  if (rank < 1 || rank > 3 || (ranks[mode] ?? rank) !== rank) {
    throw new RangeError(`interpolate: mode '${mode}' does not fit an input of shape ${printShape(input.shape)}`);
  }
  if ((size === null) === (scaleFactor === null))
    throw new RangeError('interpolate: expected either a size or a scaleFactor');
  if (alignCorners !== null && ranks[mode] === undefined) {
    throw new RangeError(`interpolate: alignCorners has no meaning for mode '${mode}'`);
  }
  const spatial = input.shape.slice(2);
  const factors =
    scaleFactor === null ? null : typeof scaleFactor === 'number' ? spatial.map(() => scaleFactor) : scaleFactor;
  const lengths =
    factors === null
      ? perDim('interpolate', 'size', size as PerDim, rank, 1)
      : spatial.map((length, i) => Math.floor(length * (factors[i] as number)));
  if (mode === 'area') return areas(input, lengths);
  return composed(() =>
    lengths.reduce((resized, length, i) => {
      const from = spatial[i] as number;
      const factor = factors === null || recomputeScaleFactor === true ? null : (factors[i] as number);
      const taps = range(length).map((place) => tapsOf(mode, place, from, length, factor, alignCorners === true));
      return length === from && taps.every((list, place) => list.length === 1 && list[0]?.[0] === place)
        ? resized
        : weighted(resized, i + 2, taps);
    }, input),
  );
}

function areas(input: Tensor, lengths: number[]): Tensor {
  if (lengths.length === 1) return adaptiveAvgPool1d(input, lengths);
  return lengths.length === 2 ? adaptiveAvgPool2d(input, lengths) : adaptiveAvgPool3d(input, lengths);
}

/** Where output element `place` of `to` reads among `from`. */
function tapsOf(
  mode: Exclude<InterpolateMode, 'area'>,
  place: number,
  from: number,
  to: number,
  factor: number | null,
  alignCorners: boolean,
): Taps {
  const step = Math.fround(
    alignCorners ? (to > 1 ? (from - 1) / (to - 1) : 0) : factor === null ? from / to : 1 / factor,
  );
  const within = (source: number): number => Math.min(Math.max(source, 0), from - 1);
  switch (mode) {
    case 'nearest':
      return [[within(Math.floor(Math.fround(place * step))), 1]];
    case 'nearest-exact':
      return [[within(Math.floor(Math.fround((place + 0.5) * step))), 1]];
    case 'linear':
    case 'bilinear':
    case 'trilinear': {
      const source = alignCorners ? place * step : Math.max(0, (place + 0.5) * step - 0.5);
      const first = Math.min(Math.floor(source), from - 1);
      const part = Math.min(source - first, 1);
      return first + 1 < from
        ? [
            [first, 1 - part],
            [first + 1, part],
          ]
        : [[first, 1]];
    }
    case 'bicubic': {
      const source = alignCorners ? place * step : (place + 0.5) * step - 0.5;
      const first = Math.floor(source);
      return cubic(source - first).map((weight, i) => [within(first - 1 + i), weight] as const);
    }
    default: {
      const never: never = mode;
      throw new RangeError(`interpolate: expected a mode by name, got ${never}`);
    }
  }
}

/** Weights of the four neighbours at distance `t` from the second: Keys's convolution with a = -0.75. */
function cubic(t: number): number[] {
  const a = -0.75;
  const near = (x: number): number => ((a + 2) * x - (a + 3)) * x * x + 1;
  const far = (x: number): number => ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return [far(t + 1), near(t), near(1 - t), far(2 - t)];
}

function weighted(x: Tensor, dim: number, taps: readonly Taps[]): Tensor {
  const most = Math.max(...taps.map((list) => list.length));
  const shape = [taps.length, ...new Array<number>(x.ndim - dim - 1).fill(1)];
  const parts = range(most).map((i) => {
    const sources = Int32Array.from(taps, (list) => (list[i] ?? (list[0] as readonly [number, number]))[0]);
    const part = x.indexSelect(dim, tensor(sources, { shape: [taps.length] }));
    const weights = taps.map((list) => list[i]?.[1] ?? 0);
    return most === 1 ? part : part.mul(tensor(weights, { shape, dtype: x.dtype }));
  });
  return parts.reduce((sum, part) => sum.add(part));
}

/** [..., c * r^2, h, w] to [..., c, h * r, w * r] (https://arxiv.org/abs/1609.05158). */
export function pixelShuffle(input: Tensor, upscaleFactor: number): Tensor {
  const [channels = 0, height = 0, width = 0] = input.shape.slice(-3);
  const r = upscaleFactor;
  if (input.ndim < 3 || !(r > 0) || channels % (r * r) !== 0) {
    throw new RangeError(
      `pixelShuffle: expected channels that are a multiple of ${r * r}, got ${printShape(input.shape)}`,
    );
  }
  return composed(() =>
    input
      .reshape([-1, channels / (r * r), r, r, height, width])
      .permute([0, 1, 4, 2, 5, 3])
      .reshape([...input.shape.slice(0, -3), channels / (r * r), height * r, width * r]),
  );
}

/** The reverse of `pixelShuffle`. */
export function pixelUnshuffle(input: Tensor, downscaleFactor: number): Tensor {
  const [channels = 0, height = 0, width = 0] = input.shape.slice(-3);
  const r = downscaleFactor;
  if (input.ndim < 3 || !(r > 0) || height % r !== 0 || width % r !== 0) {
    throw new RangeError(
      `pixelUnshuffle: expected a height and width that are multiples of ${r}, got ${printShape(input.shape)}`,
    );
  }
  return composed(() =>
    input
      .reshape([-1, channels, height / r, r, width / r, r])
      .permute([0, 1, 3, 5, 2, 4])
      .reshape([...input.shape.slice(0, -3), channels * r * r, height / r, width / r]),
  );
}

/** Channels dealt out from `groups` groups in turn (https://arxiv.org/abs/1707.01083). */
export function channelShuffle(input: Tensor, groups: number): Tensor {
  const channels = input.size(1);
  if (!(groups > 0) || channels % groups !== 0) {
    throw new RangeError(
      `channelShuffle: expected channels that are a multiple of ${groups}, got ${printShape(input.shape)}`,
    );
  }
  return composed(() =>
    input
      .reshape([input.size(0), groups, channels / groups, ...input.shape.slice(2)])
      .transpose(1, 2)
      .reshape(input.shape),
  );
}

export interface UnfoldOptions {
  readonly dilation?: PerDim;
  readonly padding?: PerDim;
  readonly stride?: PerDim;
}

/** The windows of an image as columns: [n, c, h, w] to [n, c * size, windows] (im2col). */
export function unfold(
  input: Tensor,
  kernelSize: PerDim,
  { dilation = 1, padding = 0, stride = 1 }: UnfoldOptions = {},
): Tensor {
  if (input.ndim !== 4) throw new RangeError(`unfold: expected an input of 4 dims, got ${printShape(input.shape)}`);
  const size = perDim('unfold', 'kernelSize', kernelSize, 2, 1);
  const options = {
    size,
    stride: perDim('unfold', 'stride', stride, 2, 1),
    dilation: perDim('unfold', 'dilation', dilation, 2, 1),
  };
  const sides = perDim('unfold', 'padding', padding, 2, 0).map((side): [number, number] => [side, side]);
  return composed(() => {
    const cut = spatialWindows('unfold', padSpatial(input, sides), options);
    return cut.permute([0, 1, 4, 5, 2, 3]).reshape([input.size(0), input.size(1) * product(size), -1]);
  });
}

/** The sum of columns back at their places in an image of `outputSize`: the adjoint of `unfold` (col2im). */
export function fold(
  input: Tensor,
  outputSize: PerDim,
  kernelSize: PerDim,
  { dilation = 1, padding = 0, stride = 1 }: UnfoldOptions = {},
): Tensor {
  const size = perDim('fold', 'kernelSize', kernelSize, 2, 1);
  const output = perDim('fold', 'outputSize', outputSize, 2, 1);
  const [steps, gaps] = [perDim('fold', 'stride', stride, 2, 1), perDim('fold', 'dilation', dilation, 2, 1)];
  const sides = perDim('fold', 'padding', padding, 2, 0);
  const counts = output.map((length, i) => {
    const reach = (gaps[i] as number) * ((size[i] as number) - 1) + 1;
    return Math.floor((length + 2 * (sides[i] as number) - reach) / (steps[i] as number)) + 1;
  });
  const [rows, columns] = [input.size(-2), input.size(-1)];
  if (input.ndim !== 3 || rows % product(size) !== 0 || columns !== product(counts)) {
    throw new RangeError(
      `fold: expected an input of [n, c * ${product(size)}, ${product(counts)}], got ${printShape(input.shape)}`,
    );
  }
  const along = (i: number): number[] =>
    range(size[i] as number).flatMap((k) =>
      range(counts[i] as number).map(
        (place) => place * (steps[i] as number) + k * (gaps[i] as number) - (sides[i] as number),
      ),
    );
  const [ys, xs] = [along(0), along(1)];
  const [height = 0, width = 0] = output;
  const [countY = 0, countX = 0] = counts;
  // Places in the padding are outside, where nothing is added.
  const index = range(size[0] as number).flatMap((ky) =>
    range(size[1] as number).flatMap((kx) =>
      range(countY).flatMap((py) =>
        range(countX).map((px) => {
          const [y, x] = [ys[ky * countY + py] as number, xs[kx * countX + px] as number];
          return y >= 0 && y < height && x >= 0 && x < width ? y * width + x : -1;
        }),
      ),
    ),
  );
  return composed(() => {
    const channels = rows / product(size);
    const source = input.reshape([input.size(0), channels, index.length]);
    const places = tensor(Int32Array.from(index), { shape: [1, 1, index.length] }).expand(source.shape);
    const zeros = tensor(0, { dtype: input.dtype }).expand([input.size(0), channels, height * width]);
    return zeros.scatterAdd(2, places, source).reshape([input.size(0), channels, height, width]);
  });
}
