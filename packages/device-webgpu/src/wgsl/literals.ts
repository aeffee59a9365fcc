/** Texts that are numbers: what can be computed while code is written, and what WGSL would compute too early. Owns no expressions. */
import type { Value } from './emitter.js';

/** Index arithmetic with a 0 or 1, or of two numbers, as positions along axes of length 1 make it. */
export function foldedIndex(fn: string, [x, y]: readonly Value[]): Value | null {
  if (x === undefined || y === undefined) return null;
  const [a, b] = [x, y].map(({ text }) => (/^-?\d+$/.test(text) ? Number(text) : null)) as [
    number | null,
    number | null,
  ];
  const number = (value: number): Value => ({ ...x, text: String(value | 0), width: 1, simple: true });
  switch (fn) {
    case 'add':
      if (a !== null && b !== null) return number(a + b);
      return a === 0 ? y : b === 0 ? x : null;
    case 'sub':
      if (a !== null && b !== null) return number(a - b);
      return b === 0 ? x : null;
    case 'mul':
      if (a !== null && b !== null) return number(Math.imul(a, b));
      if (a === 0 || b === 0) return number(0);
      return a === 1 ? y : b === 1 ? x : null;
    case 'idiv':
      return a === 0 && b !== null ? number(0) : b === 1 ? x : null;
    case 'mod':
      return b === 1 || (a === 0 && b !== null) ? number(0) : null;
    default:
      return null;
  }
}

/** Whether a text is a constant expression by itself. */
export function isLiteral(text: string): boolean {
  return /^(-?[\d.]+(e[-+]?\d+)?|i32\(-\d+\)|true|false)$/.test(text);
}

/** An index some elements on. */
export function plus(index: string, offset: number): string {
  if (offset === 0) return index;
  return /^-?\d+$/.test(index) ? String(Number(index) + offset) : `(${index} + ${offset})`;
}
