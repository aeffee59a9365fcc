/**
 * What is measured on a card: one row a case, for Torchlet and its peers alike, as plain data that also goes to Python. Sizes, precision and the operations and
 * bytes of a run are written here and nowhere else. Who measures a case is `tasks/measure.ts` and `peers.py`; how is `timing.ts`.
 */

/** How float32 products are computed; `bfloat16` is autocast in a training, and the dtype of the matrices in a product. */
export type Precision = 'float32' | 'tf32' | 'bfloat16';

/** What is trained. */
export type Network =
  | { readonly kind: 'mlp'; readonly widths: readonly number[] }
  /** 28 x 28 pixels, two convolutions of 5 x 5 with ReLU and pooling, two linear layers. */
  | { readonly kind: 'cnn'; readonly channels: readonly [number, number]; readonly hidden: number }
  /** Embeddings, blocks of causal attention and a wide layer, norms before each, logits of the vocabulary. */
  | {
      readonly kind: 'gpt';
      readonly width: number;
      readonly blocks: number;
      readonly heads: number;
      readonly length: number;
      readonly vocabulary: number;
    };

/** A whole training step: forward, loss, backward, update; the batch is on the device. */
export interface StepCase {
  readonly kind: 'step';
  readonly name: string;
  readonly network: Network;
  readonly batch: number;
  readonly optimizer: 'sgd' | 'adamw';
  readonly precision: Precision;
  readonly gigaflops: number;
}

/** A product of two square matrices into one that exists. */
export interface MatmulCase {
  readonly kind: 'matmul';
  readonly name: string;
  readonly size: number;
  readonly precision: Precision;
  readonly gigaflops: number;
}

export const rowOps = ['copy', 'add', 'gelu', 'softmax', 'layer-norm', 'sum', 'adamw'] as const;
export type RowOp = (typeof rowOps)[number];

/** What is bound by memory: an operation on [rows, columns] of float32, into one that exists. */
export interface RowsCase {
  readonly kind: 'rows';
  readonly name: string;
  readonly op: RowOp;
  readonly rows: number;
  readonly columns: number;
  /** The least that must be read and written. */
  readonly gigabytes: number;
}

export type CardCase = StepCase | MatmulCase | RowsCase;

export const families = ['mlp', 'cnn', 'gpt', 'matmul', 'rows'] as const;
/** Cases that are measured in one process. */
export type Family = (typeof families)[number];

/** `tiny` shows that every case runs, on a stand-in too; its times say nothing. */
export type Scale = 'full' | 'tiny';

export const imageSide = 28;
export const kernelSide = 5;
export const classCount = 10;
const GIGA = 1e9;

/** Multiplications and additions of a step: forward, and twice as many backward, but for the input's gradient, which nobody asks for. */
function stepOperations(network: Network, batch: number): number {
  switch (network.kind) {
    case 'mlp': {
      const products = network.widths.slice(1).map((width, i) => width * (network.widths[i] ?? 0));
      return batch * (6 * sum(products) - 2 * (products[0] ?? 0));
    }
    case 'cnn': {
      const [first, second] = network.channels;
      const after = imageSide - kernelSide + 1;
      const last = after / 2 - kernelSide + 1;
      const opening = after ** 2 * first * kernelSide ** 2;
      const flat = (last / 2) ** 2 * second;
      const rest = last ** 2 * second * first * kernelSide ** 2 + flat * network.hidden + network.hidden * classCount;
      return batch * (4 * opening + 6 * rest);
    }
    case 'gpt': {
      const { width, blocks, length, vocabulary } = network;
      const tokens = batch * length;
      // A query sees half of the keys.
      return 6 * tokens * (12 * blocks * width ** 2 + vocabulary * width) + 6 * blocks * batch * length ** 2 * width;
    }
    default:
      return network satisfies never;
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function step(name: string, about: Omit<StepCase, 'kind' | 'name' | 'gigaflops'>): StepCase {
  return { kind: 'step', name, ...about, gigaflops: stepOperations(about.network, about.batch) / GIGA };
}

function mlp(widths: readonly number[], batch: number, optimizer: StepCase['optimizer']): StepCase {
  const name = `mlp ${widths.join('-')}, batch ${batch}, ${optimizer}`;
  return step(name, { network: { kind: 'mlp', widths }, batch, optimizer, precision: 'float32' });
}

function gpt(network: Extract<Network, { kind: 'gpt' }>, batch: number, precision: Precision): StepCase {
  const name = `gpt ${network.blocks} x ${network.width}, ${batch} x ${network.length} tokens, ${precision}`;
  return step(name, { network, batch, optimizer: 'adamw', precision });
}

function matmul(size: number, precision: Precision): MatmulCase {
  return {
    kind: 'matmul',
    name: `matmul ${size}, ${precision}`,
    size,
    precision,
    gigaflops: (2 * size ** 3) / GIGA,
  };
}

const FLOAT_BYTES = 4;
/** Arrays of the input's size that are read and written. AdamW reads a parameter, its gradient and two moments, and writes all but the gradient. */
const arraysMoved: Record<RowOp, number> = {
  copy: 2,
  add: 3,
  gelu: 2,
  softmax: 2,
  'layer-norm': 2,
  sum: 1,
  adamw: 7,
};

function rowsCase(op: RowOp, rows: number, columns: number): RowsCase {
  const gigabytes = (arraysMoved[op] * rows * columns * FLOAT_BYTES) / GIGA;
  return { kind: 'rows', name: `${op} [${rows}, ${columns}]`, op, rows, columns, gigabytes };
}

const precisions: readonly Precision[] = ['float32', 'tf32', 'bfloat16'];

function cases(scale: Scale): Record<Family, readonly CardCase[]> {
  const tiny = scale === 'tiny';
  const network = tiny
    ? ({ kind: 'gpt', width: 32, blocks: 2, heads: 2, length: 16, vocabulary: 64 } as const)
    : ({ kind: 'gpt', width: 384, blocks: 6, heads: 6, length: 256, vocabulary: 256 } as const);
  return {
    mlp: [
      mlp([784, 32, 10], tiny ? 8 : 100, 'sgd'),
      mlp([784, 512, 256, 10], tiny ? 8 : 128, 'adamw'),
      mlp([784, 512, 256, 10], tiny ? 16 : 4096, 'adamw'),
    ],
    cnn: [
      step(`cnn of MNIST, batch ${tiny ? 4 : 128}, adamw`, {
        network: { kind: 'cnn', channels: tiny ? [4, 6] : [20, 50], hidden: tiny ? 16 : 500 },
        batch: tiny ? 4 : 128,
        optimizer: 'adamw',
        precision: 'float32',
      }),
    ],
    gpt: precisions.map((precision) => gpt(network, tiny ? 2 : 32, precision)),
    matmul: (tiny ? [64] : [1024, 2048, 4096, 8192]).flatMap((size) =>
      precisions.map((precision) => matmul(size, precision)),
    ),
    rows: rowOps.map((op) => (tiny ? rowsCase(op, 16, 64) : rowsCase(op, op === 'copy' ? 65_536 : 16_384, 4096))),
  };
}

/** The cases of the families, in order. @param only a part of the names that are wanted. */
export function casesOf(scale: Scale, wanted: readonly Family[] = families, only?: RegExp): CardCase[] {
  const all = cases(scale);
  return wanted.flatMap((family) => all[family]).filter(({ name }) => only?.test(name) ?? true);
}
