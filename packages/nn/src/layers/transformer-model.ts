/** The whole transformer, encoder and decoder (torch.nn.Transformer). Its blocks and stacks are `transformer.ts`. */
import { full, type Tensor, triu } from '@torchlet/tensor';
import { xavierUniform_ } from '../init.js';
import { Module } from '../module.js';
import { LayerNorm } from './normalization.js';
import {
  type DecoderMasks,
  TransformerDecoder,
  TransformerDecoderLayer,
  TransformerEncoder,
  TransformerEncoderLayer,
  type TransformerLayerOptions,
} from './transformer.js';

export interface TransformerOptions extends TransformerLayerOptions {
  /** Features of every place. Default 512. */
  readonly dModel?: number;
  /** Default 8. */
  readonly nhead?: number;
  /** Default 6. */
  readonly numEncoderLayers?: number;
  /** Default 6. */
  readonly numDecoderLayers?: number;
}

/** Those of the decoder, and of the encoder. */
export interface TransformerMasks extends DecoderMasks {
  readonly srcMask?: Tensor | null;
  readonly srcKeyPaddingMask?: Tensor | null;
  readonly srcIsCausal?: boolean;
}

/**
 * A sequence into another (Vaswani et al. 2017, https://arxiv.org/abs/1706.03762): the encoder reads `src`, the decoder writes on after `tgt`.
 *
 * @example
 * const model = new Transformer({ dModel: 64, nhead: 4, batchFirst: true });
 * const output = model.forward(src, tgt, { tgtMask: Transformer.generateSquareSubsequentMask(tgt.size(1)) });
 */
export class Transformer extends Module {
  readonly encoder: TransformerEncoder;
  readonly decoder: TransformerDecoder;

  constructor({
    dModel = 512,
    nhead = 8,
    numEncoderLayers = 6,
    numDecoderLayers = 6,
    ...options
  }: TransformerOptions = {}) {
    super();
    const { layerNormEps: eps = 1e-5, bias = true, generator } = options;
    const norm = () => new LayerNorm(dModel, { eps, bias });
    const encoderLayer = () => new TransformerEncoderLayer(dModel, nhead, options);
    const decoderLayer = () => new TransformerDecoderLayer(dModel, nhead, options);
    this.encoder = new TransformerEncoder(encoderLayer, numEncoderLayers, { norm: norm() });
    this.decoder = new TransformerDecoder(decoderLayer, numDecoderLayers, { norm: norm() });
    for (const parameter of this.parameters()) if (parameter.ndim > 1) xavierUniform_(parameter, 1, { generator });
  }

  /** @param src [length, batch, dModel], or with the batch first. @param tgt likewise, of its own length, which is the result's. */
  override forward(src: Tensor, tgt: Tensor, masks: TransformerMasks = {}): Tensor {
    const { srcMask = null, srcKeyPaddingMask = null, srcIsCausal = false } = masks;
    const memory = this.encoder.forward(src, { srcMask, srcKeyPaddingMask, isCausal: srcIsCausal });
    return this.decoder.forward(tgt, memory, masks);
  }

  /** -Infinity above the diagonal, 0 elsewhere: to be added to scores, so that a place does not see later ones. */
  static generateSquareSubsequentMask(length: number): Tensor {
    return triu(full([length, length], -Infinity, { dtype: 'float32' }), 1);
  }
}
