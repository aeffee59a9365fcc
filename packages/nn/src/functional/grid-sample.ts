/** Images read at points between their elements, and grids of such points from affine maps: spatial transformers (https://arxiv.org/abs/1506.02025). */
import { composed, linspace, ones, stack, type Tensor } from '@torchlet/tensor';
import { printShape } from './shapes.js';

export interface GridSampleOptions {
  /** Default `bilinear`. */
  readonly mode?: 'bilinear' | 'nearest';
  /** What lies outside the image: zeros, its edge, or its mirror image. Default `zeros`. */
  readonly paddingMode?: 'zeros' | 'border' | 'reflection';
  /** Whether -1 and 1 are the centres of the first and last elements, rather than the edges of the image. Default false. */
  readonly alignCorners?: boolean;
}

/**
 * The values of [n, channels, height, width] at the points (x, y) of a grid [n, rows, columns, 2], where the image reaches from -1 to 1.
 *
 * @returns [n, channels, rows, columns]. @throws RangeError for other shapes.
 */
export function gridSample(
  input: Tensor,
  grid: Tensor,
  { mode = 'bilinear', paddingMode = 'zeros', alignCorners = false }: GridSampleOptions = {},
): Tensor {
  if (input.ndim !== 4 || grid.ndim !== 4 || grid.size(3) !== 2 || grid.size(0) !== input.size(0)) {
    throw new RangeError(
      `gridSample: expected [n, channels, height, width] and a grid [n, rows, columns, 2], got ${printShape(input.shape)} and ${printShape(grid.shape)}`,
    );
  }
  return composed(() => {
    const [x, y] = [1, 0].map((dim) => {
      const points = grid.select(3, 1 - dim);
      return placed(points, input.size(2 + dim), paddingMode, alignCorners);
    }) as [Tensor, Tensor];
    if (mode === 'nearest') return readAt(input, x.round(), y.round());
    const [left, top] = [x.floor(), y.floor()];
    const [right, bottom] = [left.add(1), top.add(1)];
    const [toRight, toBottom] = [x.sub(left.detach()), y.sub(top.detach())];
    const [toLeft, toTop] = [toRight.neg().add(1), toBottom.neg().add(1)];
    const taps = [
      [left, top, toLeft.mul(toTop)],
      [right, top, toRight.mul(toTop)],
      [left, bottom, toLeft.mul(toBottom)],
      [right, bottom, toRight.mul(toBottom)],
    ] as const;
    return taps
      .map(([i, j, weight]) => readAt(input, i, j).mul(weight.unsqueeze(1)))
      .reduce((sum, tap) => sum.add(tap));
  });
}

/** Positions in elements of points in [-1, 1], brought inside as `paddingMode` says. */
function placed(
  points: Tensor,
  length: number,
  paddingMode: NonNullable<GridSampleOptions['paddingMode']>,
  alignCorners: boolean,
): Tensor {
  const position = alignCorners
    ? points.add(1).mul((length - 1) / 2)
    : points
        .add(1)
        .mul(length / 2)
        .sub(0.5);
  switch (paddingMode) {
    case 'zeros':
      return position;
    case 'border':
      return position.clamp(0, length - 1);
    case 'reflection': {
      const [first, span] = alignCorners ? [0, length - 1] : [-0.5, length];
      if (span === 0) return position.mul(0);
      // Along two spans there and back again.
      const along = position
        .sub(first)
        .abs()
        .remainder(2 * span);
      return along
        .sub(span)
        .abs()
        .neg()
        .add(span + first)
        .clamp(0, length - 1);
    }
    default: {
      const never: never = paddingMode;
      throw new RangeError(`gridSample: expected a paddingMode by name, got ${never}`);
    }
  }
}

/** The elements in whole columns x and rows y, [n, rows, columns] each: 0 outside. */
function readAt(input: Tensor, x: Tensor, y: Tensor): Tensor {
  const [batch, channels, height, width] = input.shape as [number, number, number, number];
  const inside = x.ge(0).logicalAnd(x.lt(width)).logicalAnd(y.ge(0)).logicalAnd(y.lt(height));
  const column = x
    .detach()
    .clamp(0, width - 1)
    .to('int64');
  const row = y
    .detach()
    .clamp(0, height - 1)
    .to('int64');
  const index = row.mul(width).add(column).reshape([batch, 1, -1]);
  const values = input
    .reshape([batch, channels, height * width])
    .gather(2, index.expand([batch, channels, index.size(2)]));
  return values.reshape([batch, channels, ...x.shape.slice(1)]).mul(inside.unsqueeze(1).to(input.dtype));
}

/**
 * The grid of `gridSample` that maps an output of `size` by the affine maps `theta`, [n, 2, 3].
 *
 * @param size [n, channels, height, width] of the output. @returns [n, height, width, 2]. @throws RangeError for other shapes.
 */
export function affineGrid(
  theta: Tensor,
  size: readonly number[],
  { alignCorners = false }: { readonly alignCorners?: boolean } = {},
): Tensor {
  const [batch, , height, width] = size;
  if (size.length !== 4 || theta.ndim !== 3 || theta.size(0) !== batch || theta.size(1) !== 2 || theta.size(2) !== 3) {
    throw new RangeError(
      `affineGrid: expected maps [n, 2, 3] and a size [n, channels, height, width], got ${printShape(theta.shape)} and ${printShape(size)}`,
    );
  }
  return composed(() => {
    const line = (length: number): Tensor => {
      const end = alignCorners ? 1 : (length - 1) / length;
      const points = length === 1 ? ones([1]).mul(0) : linspace(-end, end, length);
      return points.to(theta.dtype);
    };
    const shape = [height as number, width as number];
    const x = line(width as number).expand(shape);
    const y = line(height as number)
      .unsqueeze(1)
      .expand(shape);
    const points = stack([x, y, ones(shape, { dtype: theta.dtype })], -1).reshape([1, -1, 3]);
    return points.matmul(theta.mT).reshape([batch as number, ...shape, 2]);
  });
}
