/** Sums of products by Einstein's convention. Owns the reading of equations; operands are contracted two by two, from the left. */
import { printShape, ShapeError } from '@torchlet/graph';
import { composed } from '../modules.js';
import type { Tensor } from '../tensor.js';
import { diagonal } from './shape.js';

/** A tensor with a name for each dim. Dims of the ellipsis are named by numbers. */
interface Named {
  readonly value: Tensor;
  readonly labels: readonly string[];
}

/**
 * Sums products over named dims (torch.einsum): a letter that is not in the output is summed over, `...` stands for dims that are broadcast. Without `->`
 * the output has every letter that occurs once, in alphabetical order.
 *
 * @throws ShapeError where letters and dims, or lengths, do not fit.
 * @example einsum('bij,bjk->bik', x, y) // a batch of matrix products
 */
export function einsum(equation: string, ...args: readonly (Tensor | readonly Tensor[])[]): Tensor {
  const operands = args.flat() as Tensor[];
  const compact = equation.replace(/\s/g, '');
  const [left = '', right] = compact.split('->');
  const terms = left.split(',');
  if (terms.length !== operands.length) {
    throw new ShapeError(`einsum: '${equation}' names ${terms.length} operands, got ${operands.length}`);
  }
  const named = terms.map((term, i) => ({
    value: operands[i] as Tensor,
    labels: labelsOf(term, operands[i] as Tensor, equation),
  }));
  const spread = longest(named.map(({ labels }) => labels.filter(isSpread)));
  const output = right === undefined ? implicit(named, spread) : outputLabels(right, spread, named, equation);
  return composed(() => {
    const parts = named.map(withoutRepeats);
    const first = parts[0] as Named;
    const whole = parts.slice(1).reduce((sum, part, i) => {
      const later = parts.slice(i + 2).flatMap(({ labels }) => labels);
      return contract(sum, part, new Set([...output, ...later]));
    }, first);
    return arranged(whole, output);
  });
}

const isSpread = (label: string): boolean => /\d/.test(label);

function longest(lists: readonly string[][]): readonly string[] {
  return lists.reduce((long, list) => (list.length > long.length ? list : long), [] as string[]);
}

function labelsOf(term: string, { shape }: Tensor, equation: string): string[] {
  const dots = term.indexOf('...');
  const letters = term.replace('...', '');
  if (!/^[a-zA-Z]*$/.test(letters))
    throw new ShapeError(`einsum: '${equation}' has a term '${term}' that is no list of letters`);
  const inside = shape.length - letters.length;
  if (inside < 0 || (dots < 0 && inside > 0)) {
    throw new ShapeError(`einsum: the term '${term}' of '${equation}' does not name the dims of ${printShape(shape)}`);
  }
  if (dots < 0) return [...letters];
  // Counted from the right, so that shorter ellipses align.
  const numbers = Array.from({ length: inside }, (_, i) => String(inside - 1 - i));
  return [...letters.slice(0, dots), ...numbers, ...letters.slice(dots)];
}

function implicit(named: readonly Named[], spread: readonly string[]): string[] {
  const letters = named.flatMap(({ labels }) => labels).filter((label) => !isSpread(label));
  const once = [...new Set(letters)].filter((letter) => letters.indexOf(letter) === letters.lastIndexOf(letter));
  return [...spread, ...once.sort()];
}

function outputLabels(term: string, spread: readonly string[], named: readonly Named[], equation: string): string[] {
  const dots = term.indexOf('...');
  const letters = term.replace('...', '');
  const known = new Set(named.flatMap(({ labels }) => labels));
  for (const letter of letters) {
    if (!known.has(letter) || letters.indexOf(letter) !== letters.lastIndexOf(letter)) {
      throw new ShapeError(
        `einsum: the output of '${equation}' needs letters of the inputs, each once; '${letter}' is not`,
      );
    }
  }
  return dots < 0 ? [...letters] : [...letters.slice(0, dots), ...spread, ...letters.slice(dots)];
}

/** A letter twice in one term is a diagonal. */
function withoutRepeats({ value, labels }: Named): Named {
  const second = labels.findIndex((label, i) => labels.indexOf(label) !== i);
  if (second < 0) return { value, labels };
  const label = labels[second] as string;
  const first = labels.indexOf(label);
  if (value.size(first) !== value.size(second)) {
    throw new ShapeError(`einsum: '${label}' is ${value.size(first)} and ${value.size(second)} long in one operand`);
  }
  const rest = labels.filter((_, i) => i !== first && i !== second);
  return withoutRepeats({ value: diagonal(value, 0, first, second), labels: [...rest, label] });
}

/** The sum of products of two operands over what neither the output nor a later operand has. */
function contract(x: Named, y: Named, kept: ReadonlySet<string>): Named {
  const a = summed(x, (label) => kept.has(label) || y.labels.includes(label));
  const b = summed(y, (label) => kept.has(label) || x.labels.includes(label));
  const shared = a.labels.filter((label) => b.labels.includes(label));
  const lengths = new Map<string, number>();
  for (const { value, labels } of [a, b]) {
    labels.forEach((label, axis) => {
      const before = lengths.get(label) ?? 1;
      const length = value.size(axis);
      if (before !== 1 && length !== 1 && before !== length) {
        throw new ShapeError(`einsum: '${label}' is ${before} and ${length} long`);
      }
      lengths.set(label, before === 1 ? length : before);
    });
  }
  const batch = shared.filter((label) => kept.has(label));
  const over = shared.filter((label) => !kept.has(label));
  const freeA = a.labels.filter((label) => !shared.includes(label));
  const freeB = b.labels.filter((label) => !shared.includes(label));
  const labels = [...batch, ...freeA, ...freeB];
  const shape = (names: readonly string[]): number[] => names.map((name) => lengths.get(name) as number);
  if (over.length === 0) {
    const wide = (part: Named): Tensor => {
      const present = labels.filter((label) => part.labels.includes(label));
      const value = part.value.permute(present.map((label) => part.labels.indexOf(label)));
      return value.reshape(
        labels.map((label) => (part.labels.includes(label) ? value.size(present.indexOf(label)) : 1)),
      );
    };
    return { value: wide(a).mul(wide(b)), labels };
  }
  const size = (names: readonly string[]): number => shape(names).reduce((product, n) => product * n, 1);
  const matrix = (part: Named, order: readonly string[], sizes: readonly number[]): Tensor =>
    part.value
      .permute(order.map((label) => part.labels.indexOf(label)))
      .expand(shape(order))
      .reshape(sizes);
  const product = matrix(a, [...batch, ...freeA, ...over], [size(batch), size(freeA), size(over)]).matmul(
    matrix(b, [...batch, ...over, ...freeB], [size(batch), size(over), size(freeB)]),
  );
  return { value: product.reshape(shape(labels)), labels };
}

/** Summed over the dims that nothing needs any more. */
function summed({ value, labels }: Named, needed: (label: string) => boolean): Named {
  const dims = labels.flatMap((label, axis) => (needed(label) ? [] : [axis]));
  if (dims.length === 0) return { value, labels };
  return { value: value.sum(dims, { dtype: value.dtype }), labels: labels.filter(needed) };
}

function arranged(part: Named, output: readonly string[]): Tensor {
  const { value, labels } = summed(part, (label) => output.includes(label));
  return value.permute(output.map((label) => labels.indexOf(label)));
}
