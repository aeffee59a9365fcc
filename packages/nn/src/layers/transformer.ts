/** Transformer blocks (Vaswani et al. 2017, https://arxiv.org/abs/1706.03762), with PyTorch's options and state-dict keys, and stacks of them. */
import { gelu, ones, relu, Tensor, triu } from '@torchlet/tensor';
import type { DrawOptions } from '../init.js';
import type { Named } from '../members.js';
import { Module } from '../module.js';
import { MultiheadAttention, snakeFields } from './attention.js';
import { Dropout } from './dropout.js';
import { Linear } from './linear.js';
import { LayerNorm } from './normalization.js';

type Activation = 'relu' | 'gelu' | ((x: Tensor) => Tensor);

export interface TransformerLayerOptions extends DrawOptions {
  /** Features within the feed-forward part. Default 2048. */
  readonly dimFeedforward?: number;
  /** Default 0.1. */
  readonly dropout?: number;
  /** Default `relu`. */
  readonly activation?: Activation;
  readonly layerNormEps?: number;
  readonly batchFirst?: boolean;
  /** Whether each part normalises its input rather than its sum. Default false. */
  readonly normFirst?: boolean;
  readonly bias?: boolean;
}

/** What encoder and decoder blocks share: attention to themselves, and the feed-forward part. */
abstract class Block extends Module {
  readonly selfAttn: MultiheadAttention;
  readonly linear1: Linear;
  readonly dropout: Dropout;
  readonly linear2: Linear;
  readonly #activation: (x: Tensor) => Tensor;
  readonly #normFirst: boolean;

  protected constructor(
    dModel: number,
    nhead: number,
    {
      dimFeedforward = 2048,
      dropout = 0.1,
      activation = 'relu',
      batchFirst = false,
      normFirst = false,
      bias = true,
      generator,
    }: TransformerLayerOptions,
  ) {
    super();
    this.selfAttn = new MultiheadAttention(dModel, nhead, { dropout, batchFirst, bias, generator });
    this.linear1 = new Linear(dModel, dimFeedforward, { bias, generator });
    this.dropout = new Dropout(dropout);
    this.linear2 = new Linear(dimFeedforward, dModel, { bias, generator });
    this.#activation = activation === 'relu' ? relu : activation === 'gelu' ? (x) => gelu(x) : activation;
    this.#normFirst = normFirst;
  }

  override fields(): Iterable<Named<unknown>> {
    return snakeFields(this);
  }

  /** x plus what a part makes of it, normalised before or after. */
  protected residual(x: Tensor, norm: LayerNorm, part: (x: Tensor) => Tensor): Tensor {
    return this.#normFirst ? x.add(part(norm.forward(x))) : norm.forward(x.add(part(x)));
  }

  protected feedForward(x: Tensor): Tensor {
    return this.linear2.forward(this.dropout.forward(this.#activation(this.linear1.forward(x))));
  }
}

export interface EncoderMasks {
  /** Added to the scores, or bool: true where a query does not see a key. */
  readonly srcMask?: Tensor | null;
  /** [batch, length]: true where a place is padding. */
  readonly srcKeyPaddingMask?: Tensor | null;
  /** Without a mask: whether places see only themselves and those before. */
  readonly isCausal?: boolean;
}

/** Masks by name; a tensor alone is the first of them, as PyTorch has it by place. */
function masksOf<Masks extends object>(given: Masks | Tensor | null, first: keyof Masks): Masks {
  return given === null || given instanceof Tensor ? ({ [first]: given } as Masks) : given;
}

/** Blocks of their own weights. @throws TypeError for a block in place of a function that makes blocks. */
function made<Block>(name: string, layer: () => Block, count: number): Block[] {
  if (typeof layer === 'function') return Array.from({ length: count }, layer);
  throw new TypeError(
    `${name}: expected a function that makes a layer, got a layer: modules are not copied, so write () => new ${name}Layer(...)`,
  );
}

/** True above the diagonal: a place does not see later ones. */
export function causalMask(length: number, beside: Tensor): Tensor {
  return triu(ones([length, length], { dtype: 'bool', device: beside.runtime?.device }), 1);
}

/** Attention to itself, then two linear layers, each added to its input and normalised (torch.nn.TransformerEncoderLayer). */
export class TransformerEncoderLayer extends Block {
  readonly norm1: LayerNorm;
  readonly norm2: LayerNorm;
  readonly dropout1: Dropout;
  readonly dropout2: Dropout;

  constructor(dModel: number, nhead: number, options: TransformerLayerOptions = {}) {
    super(dModel, nhead, options);
    const { dropout = 0.1, layerNormEps: eps = 1e-5, bias = true } = options;
    this.norm1 = new LayerNorm(dModel, { eps, bias });
    this.norm2 = new LayerNorm(dModel, { eps, bias });
    this.dropout1 = new Dropout(dropout);
    this.dropout2 = new Dropout(dropout);
  }

  override forward(src: Tensor, given: EncoderMasks | Tensor | null = null): Tensor {
    const { srcMask = null, srcKeyPaddingMask = null, isCausal = false } = masksOf(given, 'srcMask');
    const length = src.size(src.ndim === 3 && this.selfAttn.batchFirst ? 1 : 0);
    const attnMask = srcMask ?? (isCausal ? causalMask(length, src) : null);
    const masks = { attnMask, keyPaddingMask: srcKeyPaddingMask, needWeights: false };
    const attended = this.residual(src, this.norm1, (x) =>
      this.dropout1.forward(this.selfAttn.forward(x, x, x, masks)[0]),
    );
    return this.residual(attended, this.norm2, (x) => this.dropout2.forward(this.feedForward(x)));
  }
}

export interface DecoderMasks {
  readonly tgtMask?: Tensor | null;
  readonly memoryMask?: Tensor | null;
  readonly tgtKeyPaddingMask?: Tensor | null;
  readonly memoryKeyPaddingMask?: Tensor | null;
  readonly tgtIsCausal?: boolean;
  readonly memoryIsCausal?: boolean;
}

/** Attention to itself, to a memory, then two linear layers (torch.nn.TransformerDecoderLayer). */
export class TransformerDecoderLayer extends Block {
  readonly multiheadAttn: MultiheadAttention;
  readonly norm1: LayerNorm;
  readonly norm2: LayerNorm;
  readonly norm3: LayerNorm;
  readonly dropout1: Dropout;
  readonly dropout2: Dropout;
  readonly dropout3: Dropout;

  constructor(dModel: number, nhead: number, options: TransformerLayerOptions = {}) {
    super(dModel, nhead, options);
    const { dropout = 0.1, layerNormEps: eps = 1e-5, bias = true, batchFirst = false, generator } = options;
    this.multiheadAttn = new MultiheadAttention(dModel, nhead, { dropout, batchFirst, bias, generator });
    this.norm1 = new LayerNorm(dModel, { eps, bias });
    this.norm2 = new LayerNorm(dModel, { eps, bias });
    this.norm3 = new LayerNorm(dModel, { eps, bias });
    this.dropout1 = new Dropout(dropout);
    this.dropout2 = new Dropout(dropout);
    this.dropout3 = new Dropout(dropout);
  }

  /** In PyTorch's order, which numbers the parameters in an optimiser's state: the two attentions first. */
  override fields(): Iterable<Named<unknown>> {
    const isAttention = ([name]: Named<unknown>): boolean => name.endsWith('_attn');
    const all = [...super.fields()];
    return [...all.filter(isAttention), ...all.filter((field) => !isAttention(field))];
  }

  override forward(tgt: Tensor, memory: Tensor, given: DecoderMasks | Tensor | null = null): Tensor {
    const masks = masksOf(given, 'tgtMask');
    const { tgtMask = null, memoryMask = null, tgtKeyPaddingMask = null, memoryKeyPaddingMask = null } = masks;
    const length = tgt.size(tgt.ndim === 3 && this.selfAttn.batchFirst ? 1 : 0);
    const own = {
      attnMask: tgtMask ?? (masks.tgtIsCausal ? causalMask(length, tgt) : null),
      keyPaddingMask: tgtKeyPaddingMask,
      needWeights: false,
    };
    const other = { attnMask: memoryMask, keyPaddingMask: memoryKeyPaddingMask, needWeights: false };
    const first = this.residual(tgt, this.norm1, (x) => this.dropout1.forward(this.selfAttn.forward(x, x, x, own)[0]));
    const second = this.residual(first, this.norm2, (x) =>
      this.dropout2.forward(this.multiheadAttn.forward(x, memory, memory, other)[0]),
    );
    return this.residual(second, this.norm3, (x) => this.dropout3.forward(this.feedForward(x)));
  }
}

/** Encoder blocks one after the other. Each is made by `layer`, so that each has weights of its own. */
export class TransformerEncoder extends Module {
  readonly layers: readonly TransformerEncoderLayer[];
  readonly norm: LayerNorm | null;

  constructor(
    layer: () => TransformerEncoderLayer,
    numLayers: number,
    { norm = null }: { readonly norm?: LayerNorm | null } = {},
  ) {
    super();
    this.layers = made('TransformerEncoder', layer, numLayers);
    this.norm = norm;
  }

  override forward(src: Tensor, masks: EncoderMasks | Tensor | null = null): Tensor {
    const output = this.layers.reduce((x, layer) => layer.forward(x, masks), src);
    return this.norm?.forward(output) ?? output;
  }
}

/** Decoder blocks one after the other, all with one memory. */
export class TransformerDecoder extends Module {
  readonly layers: readonly TransformerDecoderLayer[];
  readonly norm: LayerNorm | null;

  constructor(
    layer: () => TransformerDecoderLayer,
    numLayers: number,
    { norm = null }: { readonly norm?: LayerNorm | null } = {},
  ) {
    super();
    this.layers = made('TransformerDecoder', layer, numLayers);
    this.norm = norm;
  }

  override forward(tgt: Tensor, memory: Tensor, masks: DecoderMasks | Tensor | null = null): Tensor {
    const output = this.layers.reduce((x, layer) => layer.forward(x, memory, masks), tgt);
    return this.norm?.forward(output) ?? output;
  }
}
