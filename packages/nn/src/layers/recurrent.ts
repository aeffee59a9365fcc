/**
 * Recurrent layers: RNN, LSTM, GRU, and one step of each as a cell. Owns the walk over time, layers and directions; the input's part of all steps is one
 * product, the state's part is one a step. State-dict keys are PyTorch's: `weight_ih_l0_reverse`.
 */
import { cat, inAutocast, linear, relu, sigmoid, stack, tanh, type Tensor, zeros } from '@torchlet/tensor';
import { uniformParameter } from '../drawn.js';
import { dropout } from '../functional/dropout.js';
import { printShape } from '../functional/shapes.js';
import type { DrawOptions } from '../init.js';
import type { Named } from '../members.js';
import { Module } from '../module.js';
import type { Parameter } from '../parameter.js';

interface CellOptions extends DrawOptions {
  /** Whether biases are added. Default true. */
  readonly bias?: boolean;
}

export interface RecurrentOptions extends CellOptions {
  /** Layers, each fed with the outputs of the one before. Default 1. */
  readonly numLayers?: number;
  /** Whether inputs and outputs are [batch, time, features] rather than [time, batch, features]. Default false. */
  readonly batchFirst?: boolean;
  /** Probability that an output is dropped between layers, in training. Default 0. */
  readonly dropout?: number;
  /** Whether a second set of weights walks from the end. Default false. */
  readonly bidirectional?: boolean;
}

/** One step: the states after it, from the input's part, the states before, and the state's weight and bias. The first state is the output. */
type StepFunction = (input: Tensor, states: readonly Tensor[], weight: Tensor, bias: Tensor | null) => Tensor[];

interface CellKind {
  /** Rows of the weights for each hidden feature. */
  readonly gates: number;
  readonly states: number;
  readonly step: StepFunction;
}

const parts = (x: Tensor, count: number): Tensor[] => x.chunk(count, -1);

const plainStep =
  (activation: (x: Tensor) => Tensor): StepFunction =>
  (input, [h], weight, bias) => [activation(input.add(linear(h as Tensor, weight, bias)))];

const lstmStep: StepFunction = (input, [h, c], weight, bias) => {
  const [i, f, g, o] = parts(input.add(linear(h as Tensor, weight, bias)), 4) as [Tensor, Tensor, Tensor, Tensor];
  const cell = sigmoid(f)
    .mul(c as Tensor)
    .add(sigmoid(i).mul(tanh(g)));
  return [sigmoid(o).mul(tanh(cell)), cell];
};

const gruStep: StepFunction = (input, [h], weight, bias) => {
  const before = h as Tensor;
  const [xr, xz, xn] = parts(input, 3) as [Tensor, Tensor, Tensor];
  const [hr, hz, hn] = parts(linear(before, weight, bias), 3) as [Tensor, Tensor, Tensor];
  const update = sigmoid(xz.add(hz));
  const fresh = tanh(xn.add(sigmoid(xr.add(hr)).mul(hn)));
  return [fresh.add(update.mul(before.sub(fresh)))];
};

const kinds = {
  tanh: { gates: 1, states: 1, step: plainStep(tanh) },
  relu: { gates: 1, states: 1, step: plainStep(relu) },
  lstm: { gates: 4, states: 2, step: lstmStep },
  gru: { gates: 3, states: 1, step: gruStep },
} as const satisfies Record<string, CellKind>;

interface Weights {
  readonly ih: Parameter;
  readonly hh: Parameter;
  readonly biasIh: Parameter | null;
  readonly biasHh: Parameter | null;
  /** Projects the output state of an LSTM to fewer features. */
  readonly hr: Parameter | null;
}

/** Four parameters, uniform within 1 / sqrt(hiddenSize), in PyTorch's order. */
function weightsFor(
  inputs: number,
  hidden: number,
  gates: number,
  { bias = true, generator }: CellOptions,
  projected = 0,
): Weights {
  const bound = 1 / Math.sqrt(hidden);
  const draw = (shape: readonly number[]): Parameter => uniformParameter(shape, bound, { generator });
  const [ih, hh] = [draw([gates * hidden, inputs]), draw([gates * hidden, projected || hidden])];
  const [biasIh, biasHh] = bias ? [draw([gates * hidden]), draw([gates * hidden])] : [null, null];
  return { ih, hh, biasIh, biasHh, hr: projected > 0 ? draw([projected, hidden]) : null };
}

function fieldsOf({ ih, hh, biasIh, biasHh, hr }: Weights, suffix: string): Named<unknown>[] {
  const all: Named<unknown>[] = [
    [`weight_ih${suffix}`, ih],
    [`weight_hh${suffix}`, hh],
    [`bias_ih${suffix}`, biasIh],
    [`bias_hh${suffix}`, biasHh],
    [`weight_hr${suffix}`, hr],
  ];
  return all.filter(([, value]) => value !== null);
}

/** What RNN, LSTM and GRU share. */
abstract class Recurrent extends Module {
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly options: Omit<RecurrentOptions, 'generator'>;
  /** Features of the outputs. */
  readonly #outputSize: number;
  readonly #kind: CellKind;
  readonly #weights = new Map<string, Weights>();

  protected constructor(
    kind: CellKind,
    inputSize: number,
    hiddenSize: number,
    options: RecurrentOptions,
    projSize = 0,
  ) {
    super();
    this.#kind = kind;
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    const { generator: _, ...kept } = options;
    this.options = kept;
    this.#outputSize = projSize > 0 ? projSize : hiddenSize;
    const directions = options.bidirectional ? 2 : 1;
    for (const suffix of this.#suffixes()) {
      const width = suffix.replace('_reverse', '') === '_l0' ? inputSize : directions * this.#outputSize;
      this.#weights.set(suffix, weightsFor(width, hiddenSize, kind.gates, options, projSize));
    }
  }

  /** Layer by layer, and within a layer direction by direction. */
  #suffixes(): string[] {
    const { numLayers = 1, bidirectional = false } = this.options;
    return Array.from({ length: numLayers }, (_, layer) => [
      `_l${layer}`,
      ...(bidirectional ? [`_l${layer}_reverse`] : []),
    ]).flat();
  }

  override fields(): Iterable<Named<unknown>> {
    return [...this.#weights].flatMap(([suffix, weights]) => fieldsOf(weights, suffix));
  }

  /** The outputs of the last layer, and the last states: each [layers * directions, batch, hidden]. */
  protected run(input: Tensor, given: readonly Tensor[] | null): { output: Tensor; states: Tensor[] } {
    const { name } = this.constructor;
    const { batchFirst = false, dropout: p = 0, bidirectional = false } = this.options;
    if ((input.ndim !== 2 && input.ndim !== 3) || input.size(-1) !== this.inputSize) {
      throw new RangeError(
        `${name}: expected an input of ${this.inputSize} features in 2 or 3 dims, got ${printShape(input.shape)}`,
      );
    }
    const single = input.ndim === 2;
    let sequence = single ? input.unsqueeze(1) : batchFirst ? input.transpose(0, 1) : input;
    const suffixes = this.#suffixes();
    const first = this.#firstStates(sequence, given, single, suffixes.length).map(inAutocast);
    const last: Tensor[][] = Array.from({ length: this.#kind.states }, () => []);
    const directions = bidirectional ? 2 : 1;
    for (let k = 0; k < suffixes.length; k += directions) {
      const outputs = suffixes.slice(k, k + directions).map((suffix, d) => {
        const start = first.map((states) => states.select(0, k + d));
        const walked = this.#walk(sequence, start, this.#weights.get(suffix) as Weights, d === 1);
        for (const [i, state] of walked.states.entries()) last[i]?.push(state);
        return walked.output;
      });
      sequence = outputs.length === 1 ? (outputs[0] as Tensor) : cat(outputs, -1);
      if (k + directions < suffixes.length) sequence = dropout(sequence, { p, training: this.training && p > 0 });
    }
    const states = last.map((each) => stack(each)).map((state) => (single ? state.squeeze(1) : state));
    return { output: single ? sequence.squeeze(1) : batchFirst ? sequence.transpose(0, 1) : sequence, states };
  }

  #firstStates(sequence: Tensor, given: readonly Tensor[] | null, single: boolean, count: number): Tensor[] {
    const { dtype } = sequence;
    const device = sequence.runtime?.device;
    // The first state is the output, the second the cell's own.
    const shapes = [this.#outputSize, this.hiddenSize]
      .slice(0, this.#kind.states)
      .map((n) => [count, sequence.size(1), n]);
    if (given === null) return shapes.map((shape) => zeros(shape, { dtype, device }));
    return given.map((state, i) => {
      const shape = shapes[i] as number[];
      const whole = single ? state.unsqueeze(1) : state;
      if (whole.shape.join() === shape.join()) return whole;
      const expected = single ? [shape[0] as number, shape[2] as number] : shape;
      throw new RangeError(
        `${this.constructor.name}: expected states of shape ${printShape(expected)}, got ${printShape(state.shape)}`,
      );
    });
  }

  /** One layer in one direction over [time, batch, features]. */
  #walk(
    sequence: Tensor,
    start: readonly Tensor[],
    { ih, hh, biasIh, biasHh, hr }: Weights,
    reverse: boolean,
  ): { output: Tensor; states: readonly Tensor[] } {
    const inputs = linear(sequence, ih, biasIh);
    const length = sequence.size(0);
    const outputs = new Array<Tensor>(length);
    let states = start;
    for (let step = 0; step < length; step++) {
      const time = reverse ? length - 1 - step : step;
      const [output, ...rest] = this.#kind.step(inputs.select(0, time), states, hh, biasHh) as [Tensor, ...Tensor[]];
      states = [hr === null ? output : linear(output, hr), ...rest];
      outputs[time] = states[0] as Tensor;
    }
    return { output: stack(outputs), states };
  }

  override extraRepr(): string {
    const given = Object.entries(this.options).map(([name, value]) => `, ${name}=${value}`);
    return `${this.inputSize}, ${this.hiddenSize}${given.join('')}`;
  }
}

export interface RNNOptions extends RecurrentOptions {
  /** Default `tanh`. */
  readonly nonlinearity?: 'tanh' | 'relu';
}

/**
 * h = tanh(x @ w_ih^T + b_ih + h @ w_hh^T + b_hh), step by step (Elman 1990). `forward(input, h0?)` gives the outputs of every step and the last
 * states (https://pytorch.org/docs/stable/generated/torch.nn.RNN.html).
 */
export class RNN extends Recurrent {
  constructor(inputSize: number, hiddenSize: number, { nonlinearity = 'tanh', ...options }: RNNOptions = {}) {
    super(kinds[nonlinearity], inputSize, hiddenSize, options);
  }

  override forward(input: Tensor, h0: Tensor | null = null): [output: Tensor, hn: Tensor] {
    const { output, states } = this.run(input, h0 === null ? null : [h0]);
    return [output, states[0] as Tensor];
  }
}

/** Gated recurrent units (Cho et al. 2014, https://arxiv.org/abs/1406.1078), as `RNN`. */
export class GRU extends Recurrent {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions = {}) {
    super(kinds.gru, inputSize, hiddenSize, options);
  }

  override forward(input: Tensor, h0: Tensor | null = null): [output: Tensor, hn: Tensor] {
    const { output, states } = this.run(input, h0 === null ? null : [h0]);
    return [output, states[0] as Tensor];
  }
}

export interface LSTMOptions extends RecurrentOptions {
  /** Features that the outputs are projected to; 0 for none. Default 0. */
  readonly projSize?: number;
}

/** Long short-term memory (Hochreiter and Schmidhuber 1997), as `RNN`, with two states. */
export class LSTM extends Recurrent {
  constructor(inputSize: number, hiddenSize: number, { projSize = 0, ...options }: LSTMOptions = {}) {
    super(kinds.lstm, inputSize, hiddenSize, options, projSize);
  }

  override forward(
    input: Tensor,
    initial: readonly [h0: Tensor, c0: Tensor] | null = null,
  ): [output: Tensor, last: [hn: Tensor, cn: Tensor]] {
    const { output, states } = this.run(input, initial);
    return [output, states as [Tensor, Tensor]];
  }
}

/** One step of a recurrent layer, for loops of one's own. */
abstract class Cell extends Module {
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly #kind: CellKind;
  readonly #weights: Weights;

  protected constructor(kind: CellKind, inputSize: number, hiddenSize: number, options: CellOptions) {
    super();
    this.#kind = kind;
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    this.#weights = weightsFor(inputSize, hiddenSize, kind.gates, options);
  }

  override fields(): Iterable<Named<unknown>> {
    return fieldsOf(this.#weights, '');
  }

  protected step(input: Tensor, given: readonly Tensor[] | null): Tensor[] {
    const shape = [...input.shape.slice(0, -1), this.hiddenSize];
    const { dtype } = input;
    const device = input.runtime?.device;
    const states = given ?? Array.from({ length: this.#kind.states }, () => zeros(shape, { dtype, device }));
    const { ih, hh, biasIh, biasHh } = this.#weights;
    return this.#kind.step(linear(input, ih, biasIh), states.map(inAutocast), hh, biasHh);
  }

  override extraRepr(): string {
    return `${this.inputSize}, ${this.hiddenSize}`;
  }
}

/** A step of `RNN`: `forward(input, h?)` gives the next state. */
export class RNNCell extends Cell {
  constructor(
    inputSize: number,
    hiddenSize: number,
    { nonlinearity = 'tanh', ...options }: CellOptions & { readonly nonlinearity?: 'tanh' | 'relu' } = {},
  ) {
    super(kinds[nonlinearity], inputSize, hiddenSize, options);
  }

  override forward(input: Tensor, h: Tensor | null = null): Tensor {
    return this.step(input, h === null ? null : [h])[0] as Tensor;
  }
}

/** A step of `GRU`. */
export class GRUCell extends Cell {
  constructor(inputSize: number, hiddenSize: number, options: CellOptions = {}) {
    super(kinds.gru, inputSize, hiddenSize, options);
  }

  override forward(input: Tensor, h: Tensor | null = null): Tensor {
    return this.step(input, h === null ? null : [h])[0] as Tensor;
  }
}

/** A step of `LSTM`: both states in, both out. */
export class LSTMCell extends Cell {
  constructor(inputSize: number, hiddenSize: number, options: CellOptions = {}) {
    super(kinds.lstm, inputSize, hiddenSize, options);
  }

  override forward(input: Tensor, states: readonly [h: Tensor, c: Tensor] | null = null): [h: Tensor, c: Tensor] {
    return this.step(input, states) as [Tensor, Tensor];
  }
}
