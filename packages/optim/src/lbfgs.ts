/**
 * Limited-memory BFGS (Nocedal and Wright, Numerical Optimization, 2nd edition, algorithms 7.4 and 7.5), as torch.optim.LBFGS. Its steps depend on values: it
 * reads loss and gradient at every evaluation, and keeps its vectors on the host in float64. Owns the direction; the step along it is `line-search.ts`.
 */
import { noGrad, type Tensor, tensor } from '@torchlet/tensor';
import { type Point, strongWolfe } from './line-search.js';

export interface LBFGSOptions {
  /** Length of a step, in parts of the direction. Default 1. */
  lr: number;
  /** Iterations of one `step()`. Default 20. */
  maxIter: number;
  /** Evaluations of the closure in one `step()`. Default 1.25 times `maxIter`. */
  maxEval: number;
  /** Where no element of the gradient is larger, the step ends. Default 1e-7. */
  toleranceGrad: number;
  /** Where loss or parameters change by no more, the step ends. Default 1e-9. */
  toleranceChange: number;
  /** Changes of the gradient that are remembered. Default 100. */
  historySize: number;
  /** How the length of a step is found: by a search under the strong Wolfe conditions, or not. Default null. */
  lineSearchFn: 'strongWolfe' | null;
}

/** A step that was taken: the change of the parameters, that of the gradient, and 1 / their product. */
interface Change {
  readonly s: Float64Array;
  readonly y: Float64Array;
  readonly rho: number;
}

const dot = (a: Float64Array, b: Float64Array): number =>
  a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);
const largest = (a: Float64Array): number => a.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
/** a + factor * b. */
const moved = (a: Float64Array, factor: number, b: Float64Array): Float64Array =>
  a.map((value, i) => value + factor * (b[i] as number));

/**
 * For few parameters and losses without noise: fits, inversions, images that are optimised themselves.
 *
 * @example
 * const optimizer = new LBFGS([image]);
 * const loss = await optimizer.step(() => {
 *   optimizer.zeroGrad();
 *   const loss = styleLoss(image);
 *   loss.backward();
 *   return loss;
 * });
 */
export class LBFGS {
  readonly params: readonly Tensor[];
  /** May be changed between steps. */
  readonly options: LBFGSOptions;
  #changes: Change[] = [];
  #last: { readonly gradient: Float64Array; readonly direction: Float64Array; readonly length: number } | null = null;

  /** @throws TypeError without parameters. @throws RangeError for options that give no number. */
  constructor(params: Iterable<Tensor>, options: Partial<LBFGSOptions> = {}) {
    const { maxIter = 20 } = options;
    this.params = [...params];
    this.options = {
      lr: 1,
      maxIter,
      maxEval: Math.floor(maxIter * 1.25),
      toleranceGrad: 1e-7,
      toleranceChange: 1e-9,
      historySize: 100,
      lineSearchFn: null,
      ...options,
    };
    if (this.params.length === 0) throw new TypeError('LBFGS: expected parameters, got none');
    if (!(this.options.lr >= 0)) throw new RangeError(`LBFGS: expected an lr of at least 0, got ${this.options.lr}`);
  }

  zeroGrad(): void {
    for (const param of this.params) param.grad = null;
  }

  /**
   * Up to `maxIter` iterations.
   *
   * @param closure forgets the gradients, computes the loss and its gradients; it is called at every point that is looked at.
   * @returns the loss before the step
   */
  async step(closure: () => Tensor | Promise<Tensor>): Promise<number> {
    const { lr, maxIter, maxEval, toleranceGrad, toleranceChange, lineSearchFn } = this.options;
    let evaluations = 0;
    let x = await this.#parameters();
    const at = async (position: Float64Array, direction: Float64Array, length: number): Promise<Point> => {
      if (length !== 0) this.#write(moved(position, length, direction));
      evaluations++;
      const loss = await closure();
      const value = await loss.item();
      const gradient = await this.#gradient();
      return { length, loss: value, gradient, slope: dot(gradient, direction) };
    };
    let point = await at(x, new Float64Array(x.length), 0);
    const before = point.loss;
    for (let iteration = 0; iteration < maxIter && largest(point.gradient) > toleranceGrad; iteration++) {
      const direction = this.#direction(point.gradient);
      const slope = dot(point.gradient, direction);
      if (slope > -toleranceChange) break;
      const isFirst = this.#changes.length === 0;
      const trial = isFirst
        ? Math.min(1, 1 / point.gradient.reduce((sum, value) => sum + Math.abs(value), 0)) * lr
        : lr;
      const start = { ...point, length: 0, slope };
      const from = x;
      let next: Point;
      if (lineSearchFn === 'strongWolfe') {
        next = await strongWolfe((length) => at(from, direction, length), start, trial, maxEval - evaluations);
        x = moved(from, next.length, direction);
        this.#write(x);
      } else {
        x = moved(from, trial, direction);
        this.#write(x);
        this.#last = { gradient: point.gradient, direction, length: trial };
        if (iteration === maxIter - 1 || evaluations >= maxEval) break;
        next = await at(from, direction, trial);
      }
      this.#last = { gradient: point.gradient, direction, length: next.length };
      const change = Math.abs(next.loss - point.loss);
      point = next;
      if (evaluations >= maxEval || largest(direction) * next.length <= toleranceChange || change < toleranceChange)
        break;
    }
    return before;
  }

  /** Downhill, by what the last steps told of the curvature: the two loops of algorithm 7.4. */
  #direction(gradient: Float64Array): Float64Array {
    const { historySize } = this.options;
    if (this.#last !== null) {
      const { gradient: earlier, direction, length } = this.#last;
      const y = moved(gradient, -1, earlier);
      const s = direction.map((value) => value * length);
      const curvature = dot(y, s);
      // Without a curvature above 0 the matrix would not stay positive.
      if (curvature > 1e-10) this.#changes = [...this.#changes, { s, y, rho: 1 / curvature }].slice(-historySize);
      this.#last = null;
    }
    let q: Float64Array = gradient.map((value) => -value);
    const alphas = new Map<Change, number>();
    for (const change of this.#changes.toReversed()) {
      const alpha = change.rho * dot(change.s, q);
      alphas.set(change, alpha);
      q = moved(q, -alpha, change.y);
    }
    const newest = this.#changes.at(-1);
    if (newest !== undefined) q = q.map((value) => value / (newest.rho * dot(newest.y, newest.y)));
    for (const change of this.#changes) {
      const beta = change.rho * dot(change.y, q);
      q = moved(q, (alphas.get(change) as number) - beta, change.s);
    }
    return q;
  }

  async #parameters(): Promise<Float64Array> {
    return joined(await Promise.all(this.params.map((param) => param.data())));
  }

  async #gradient(): Promise<Float64Array> {
    return joined(await Promise.all(this.params.map((param) => param.grad?.data() ?? new Float64Array(param.numel()))));
  }

  #write(values: Float64Array): void {
    let start = 0;
    noGrad(() => {
      for (const param of this.params) {
        const part = values.slice(start, start + param.numel());
        param.copy_(tensor(part, { shape: param.shape, dtype: param.dtype, device: param.runtime?.device }));
        start += part.length;
      }
    });
  }
}

function joined(parts: readonly ArrayLike<number | bigint>[]): Float64Array {
  return Float64Array.from(parts.flatMap((part) => Array.from(part, Number)));
}
