/** Multi-head attention as a layer (https://pytorch.org/docs/stable/generated/torch.nn.MultiheadAttention.html). Blocks of it are `transformer.ts`. */
import { cat, linear, type Tensor, zeros } from '@torchlet/tensor';
import { constantParameter, uniformParameter } from '../drawn.js';
import { additive } from '../functional/attention.js';
import { dropout } from '../functional/dropout.js';
import { printShape } from '../functional/shapes.js';
import type { DrawOptions } from '../init.js';
import type { Named } from '../members.js';
import { Module } from '../module.js';
import type { Parameter } from '../parameter.js';

export interface MultiheadAttentionOptions extends DrawOptions {
  /** Probability that a weight is dropped in training. Default 0. */
  readonly dropout?: number;
  readonly bias?: boolean;
  /** Whether a learned key and value are added to each sequence. Default false. */
  readonly addBiasKv?: boolean;
  /** Whether a key and value of zeros are added to each sequence. Default false. */
  readonly addZeroAttn?: boolean;
  /** Features of keys, where they are not `embedDim`. */
  readonly kdim?: number | null;
  /** Features of values, where they are not `embedDim`. */
  readonly vdim?: number | null;
  /** Whether sequences are [batch, length, features] rather than [length, batch, features]. Default false. */
  readonly batchFirst?: boolean;
}

export interface AttentionForwardOptions {
  /** [batch, keys]: true where a key is not seen, or numbers that are added. */
  readonly keyPaddingMask?: Tensor | null;
  /** Whether the weights are returned. Default true. */
  readonly needWeights?: boolean;
  /** [queries, keys], or [batch * heads, queries, keys]: true where a query does not see a key, or numbers that are added. */
  readonly attnMask?: Tensor | null;
  /** Whether the weights are the mean of the heads'. Default true. */
  readonly averageAttnWeights?: boolean;
  /** A hint that `attnMask` is causal. */
  readonly isCausal?: boolean;
}

/** `inProjWeight` to `in_proj_weight`: fields by the names of PyTorch's state dict. */
export function snakeFields(module: Module): Named<unknown>[] {
  return Object.entries(module).map(([name, value]) => [
    name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    value,
  ]);
}

/** A linear layer whose bias begins at 0. */
class Projection extends Module {
  weight: Parameter;
  bias: Parameter | null;

  constructor(features: number, bias: boolean, draw: DrawOptions) {
    super();
    this.weight = uniformParameter([features, features], 1 / Math.sqrt(features), draw);
    this.bias = bias ? constantParameter([features], 0) : null;
  }

  override forward(input: Tensor): Tensor {
    return linear(input, this.weight, this.bias);
  }
}

/** Projects queries, keys and values, attends in `numHeads` parts of the features, and projects the result. */
export class MultiheadAttention extends Module {
  readonly embedDim: number;
  readonly numHeads: number;
  readonly batchFirst: boolean;
  /** Queries, keys and values in one, where they have the same features. */
  readonly inProjWeight: Parameter | null = null;
  readonly qProjWeight: Parameter | null = null;
  readonly kProjWeight: Parameter | null = null;
  readonly vProjWeight: Parameter | null = null;
  readonly inProjBias: Parameter | null;
  readonly outProj: Projection;
  readonly biasK: Parameter | null;
  readonly biasV: Parameter | null;
  readonly #dropout: number;
  readonly #addZero: boolean;

  constructor(
    embedDim: number,
    numHeads: number,
    {
      dropout: p = 0,
      bias = true,
      addBiasKv = false,
      addZeroAttn = false,
      kdim = null,
      vdim = null,
      batchFirst = false,
      ...draw
    }: MultiheadAttentionOptions = {},
  ) {
    super();
    if (embedDim % numHeads !== 0) {
      throw new RangeError(
        `MultiheadAttention: expected features that ${numHeads} heads share evenly, got ${embedDim}`,
      );
    }
    this.embedDim = embedDim;
    this.numHeads = numHeads;
    this.batchFirst = batchFirst;
    this.#dropout = p;
    this.#addZero = addZeroAttn;
    const glorot = (rows: number, columns: number): Parameter =>
      uniformParameter([rows, columns], Math.sqrt(6 / (rows + columns)), draw);
    const [keys, values] = [kdim ?? embedDim, vdim ?? embedDim];
    if (keys === embedDim && values === embedDim) this.inProjWeight = glorot(3 * embedDim, embedDim);
    else {
      this.qProjWeight = glorot(embedDim, embedDim);
      this.kProjWeight = glorot(embedDim, keys);
      this.vProjWeight = glorot(embedDim, values);
    }
    this.inProjBias = bias ? constantParameter([3 * embedDim], 0) : null;
    this.outProj = new Projection(embedDim, bias, draw);
    const bound = Math.sqrt(6 / (embedDim + embedDim));
    this.biasK = addBiasKv ? uniformParameter([1, 1, embedDim], bound, draw) : null;
    this.biasV = addBiasKv ? uniformParameter([1, 1, embedDim], bound, draw) : null;
  }

  override fields(): Iterable<Named<unknown>> {
    return snakeFields(this);
  }

  /** The attended values of each query, and the weights or null. Without a batch, of [length, features]. */
  override forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    {
      keyPaddingMask = null,
      needWeights = true,
      attnMask = null,
      averageAttnWeights = true,
    }: AttentionForwardOptions = {},
  ): [output: Tensor, weights: Tensor | null] {
    if (query.ndim !== 2 && query.ndim !== 3) {
      throw new RangeError(`MultiheadAttention: expected queries of 2 or 3 dims, got ${printShape(query.shape)}`);
    }
    const single = query.ndim === 2;
    const arranged = (x: Tensor): Tensor => (single ? x.unsqueeze(0) : this.batchFirst ? x : x.transpose(0, 1));
    const { attended, weights } = this.#attend(
      this.#project([query, key, value].map(arranged)),
      single ? (keyPaddingMask?.unsqueeze(0) ?? null) : keyPaddingMask,
      attnMask,
    );
    const projected = this.outProj.forward(attended);
    const output = single ? projected.squeeze(0) : this.batchFirst ? projected : projected.transpose(0, 1);
    if (!needWeights) return [output, null];
    const shown = averageAttnWeights ? weights.mean(1) : weights;
    return [output, single ? shown.squeeze(0) : shown];
  }

  /** [batch, length, features] of queries, keys and values, each by its part of the weights. */
  #project(inputs: readonly Tensor[]): Tensor[] {
    const separate = [this.qProjWeight, this.kProjWeight, this.vProjWeight];
    return inputs.map((x, i) => {
      const from = i * this.embedDim;
      const weight = separate[i] ?? (this.inProjWeight as Parameter).narrow(0, from, this.embedDim);
      return linear(x, weight, this.inProjBias?.narrow(0, from, this.embedDim) ?? null);
    });
  }

  #attend(
    [query, key, value]: readonly Tensor[],
    keyPaddingMask: Tensor | null,
    attnMask: Tensor | null,
  ): { attended: Tensor; weights: Tensor } {
    const [q, batch] = [query as Tensor, (query as Tensor).size(0)];
    const extended = this.#extended(key as Tensor, value as Tensor, batch);
    const features = this.embedDim / this.numHeads;
    const heads = (x: Tensor): Tensor => x.reshape([batch, x.size(1), this.numHeads, features]).transpose(1, 2);
    const keys = heads(extended.key);
    let scores = heads(q)
      .mul(1 / Math.sqrt(features))
      .matmul(keys.transpose(-2, -1));
    const added = extended.key.size(1) - (key as Tensor).size(1);
    const wide = (mask: Tensor): Tensor =>
      added === 0 ? mask : cat([mask, zeros([...mask.shape.slice(0, -1), added], { dtype: mask.dtype })], -1);
    const mask = additive(attnMask, q);
    if (mask !== null) {
      const own = wide(mask);
      scores = scores.add(own.ndim === 3 ? own.reshape([batch, this.numHeads, ...own.shape.slice(1)]) : own);
    }
    const padding = additive(keyPaddingMask, q);
    if (padding !== null) scores = scores.add(wide(padding).reshape([batch, 1, 1, -1]));
    const weights = scores.softmax(-1);
    const kept = dropout(weights, { p: this.#dropout, training: this.training && this.#dropout > 0 });
    const attended = kept
      .matmul(heads(extended.value))
      .transpose(1, 2)
      .reshape([batch, q.size(1), this.embedDim]);
    return { attended, weights: kept };
  }

  /** Keys and values with the learned ones and the zeros that the options ask for. */
  #extended(key: Tensor, value: Tensor, batch: number): { key: Tensor; value: Tensor } {
    let extended = { key, value };
    const shape = [batch, 1, this.embedDim];
    if (this.biasK !== null && this.biasV !== null) {
      extended = { key: cat([key, this.biasK.expand(shape)], 1), value: cat([value, this.biasV.expand(shape)], 1) };
    }
    if (!this.#addZero) return extended;
    const zero = zeros(shape, { dtype: key.dtype, device: key.runtime?.device });
    return { key: cat([extended.key, zero], 1), value: cat([extended.value, zero], 1) };
  }

  override extraRepr(): string {
    return `${this.embedDim}, ${this.numHeads}, batchFirst=${this.batchFirst}`;
  }
}
