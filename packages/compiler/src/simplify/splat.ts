/** Splats: nodes that hold one known number everywhere. Owns finding that number, and computing with it by the meaning of the primitives. */
import { bfloat16ToNumber, type DType, float16ToNumber, numberToBfloat16, numberToFloat16 } from '@torchlet/device';
import { type Element, elementOf, type Node, exactMeanings } from '@torchlet/graph';

/** The number that `node` holds at every place; null where there is none. */
export function splatOf(node: Node): Element | null {
  if (node.source !== null || node.op !== 'constant') return null;
  return rounded(elementOf(node.value, node.dtype), node.dtype);
}

/** Whether `node` is `value` everywhere; 0 and -0 differ. */
export function isSplat(node: Node, value: number): boolean {
  const splat = splatOf(node);
  if (splat === null) return false;
  return typeof splat === 'bigint' ? splat === BigInt(value) : Object.is(splat, value);
}

/** What a function with one right answer gives for the numbers `args`, in the precision of `dtype`. */
export function fold(op: keyof typeof exactMeanings, args: readonly Element[], dtype: DType, from: DType): Element {
  return rounded(exactMeanings[op](args, dtype, from), dtype);
}

/** `value` as memory of `dtype` holds it. */
export function rounded(value: Element, dtype: DType): Element {
  if (typeof value === 'bigint') return value;
  if (dtype === 'float32') return Math.fround(value);
  if (dtype === 'float16') return float16ToNumber(numberToFloat16(value));
  if (dtype === 'bfloat16') return bfloat16ToNumber(numberToBfloat16(value));
  return value;
}
