/**
 * The few assertions that suites make, so that they need no test library. Each throws an Error that says what was expected and what came.
 */
import type { DType } from '@torchlet/device';
import type { Tensor } from '@torchlet/tensor';
import type { Plain } from '../op-info/plain.js';
import { type Closeness, isClose } from '../op-info/tolerances.js';

export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

export function assertEqual(what: string, actual: unknown, expected: unknown): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  assert(a === b, `${what}: expected ${b}, got ${a}`);
}

/** The elements of a tensor as numbers. */
export async function numbersOf(x: Tensor): Promise<number[]> {
  return Array.from(await x.data(), Number);
}

/** Shape, dtype and every element, which may be that of `alternative` instead. */
export async function assertTensor(
  what: string,
  actual: Tensor,
  expected: Plain,
  dtype: DType,
  closeness: Closeness,
  alternative: Plain = expected,
): Promise<void> {
  assertEqual(`${what}: dtype`, actual.dtype, dtype);
  assertEqual(`${what}: shape`, actual.shape, expected.shape);
  assertNumbers(what, await numbersOf(actual), expected.data, closeness, alternative.data);
}

export function assertNumbers(
  what: string,
  actual: readonly number[],
  expected: readonly number[],
  closeness: Closeness,
  alternative: readonly number[] = expected,
): void {
  assertEqual(`${what}: number of elements`, actual.length, expected.length);
  for (const [i, value] of expected.entries()) {
    const got = actual[i] as number;
    const right = isClose(got, value, closeness) || isClose(got, alternative[i] as number, closeness);
    assert(right, `${what}: element ${i}: expected ${value}, got ${got}`);
  }
}

/** Bit for bit the same, signed zeros included. */
export function assertSameNumbers(what: string, actual: readonly number[], expected: readonly number[]): void {
  assertEqual(`${what}: number of elements`, actual.length, expected.length);
  for (const [i, value] of expected.entries()) {
    assert(Object.is(actual[i], value), `${what}: element ${i}: expected exactly ${value}, got ${actual[i]}`);
  }
}

/** The error that `call` throws, at once or when awaited. */
export async function assertThrows(what: string, call: () => unknown, message: RegExp): Promise<Error> {
  let thrown: unknown = null;
  try {
    await call();
  } catch (error) {
    thrown = error;
  }
  assert(thrown instanceof Error, `${what}: expected an error, got none`);
  assert(message.test(thrown.message), `${what}: expected a message like ${message}, got: ${thrown.message}`);
  return thrown;
}
