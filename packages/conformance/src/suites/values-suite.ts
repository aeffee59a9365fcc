/**
 * Suites over the op table: values against the reference, gradients against finite differences of it, and the same values fused, unfused, through
 * other layouts, in other dtypes, and twice.
 */
import type { DType, Opener } from '@torchlet/device';
import { evaluate, Generator, rand, type Tensor, tensor } from '@torchlet/tensor';
import { type Plain, plain } from '../op-info/plain.js';
import { type OpRow, random, type Sample } from '../op-info/row.js';
import { opTable } from '../op-info/table.js';
import { closeness, flushing, leastNormal, tolerances } from '../op-info/tolerances.js';
import { assert, assertNumbers, assertSameNumbers, assertTensor, assertThrows, numbersOf } from './assertions.js';
import { flushedReferenceOf, inputsOf, referenceOf, resultDType, rounded, tensorOf } from './sample-tensors.js';
import { Session, type Suite, stores, suite } from './suite.js';

/** Every sample of every row, against the reference. */
export function valuesSuite(opener: Opener): Suite {
  return suite(
    'values',
    new Session(opener),
    opTable.map((op) => ({
      name: op.name,
      run: async ({ counts, device }) => {
        const flushes = flushing.has(device.name);
        const { rtol, atol } = closeness(op.tolerance);
        const near = flushes ? { rtol, atol: Math.max(atol, leastNormal) } : { rtol, atol };
        for (const sample of op.samples) {
          const before = counts.kernelsRun;
          const dtype = resultDType(op, sample);
          const expected = rounded(referenceOf(op, sample), dtype);
          const flushed = flushes ? rounded(flushedReferenceOf(op, sample), dtype) : expected;
          const actual = op.run(inputsOf(sample), sample.args);
          await assertTensor(sample.note, actual, expected, dtype, near, flushed);
          if (counts.kernelsRun > before || expected.data.length === 0) continue;
          // The result is the input itself; its copy shows that the device can move it.
          await assertTensor(`${sample.note}, copied`, actual.clone(), expected, dtype, near, flushed);
          assert(counts.kernelsRun > before, `${sample.note}: no kernel ran on the device`);
        }
      },
    })),
  );
}

/** The derivative of `sum(weights * op(inputs))` by each element of input `which`, by central differences in float64. */
function finiteDifferences(op: OpRow, { inputs, args }: Sample, which: number, weights: Plain): number[] {
  const values = inputs.map(({ value }) => value);
  const total = (changed: Plain): number => {
    const { data } = op.reference(values.with(which, changed), args);
    return data.reduce((sum, value, i) => sum + value * (weights.data[i] as number), 0);
  };
  const { shape, data } = values[which] as Plain;
  return data.map((value, i) => {
    const step = 1e-5 * Math.max(1, Math.abs(value));
    const moved = (by: number): Plain => plain(shape, data.with(i, value + by));
    return (total(moved(step)) - total(moved(-step))) / (2 * step);
  });
}

/** Elements beyond which a sample's finite differences are left out: each costs two evaluations of the reference. */
const differencesUpTo = 48;

/** Gradients of every differentiable row, weighted by numbers that are all different. */
export function gradientsSuite(opener: Opener): Suite {
  return suite(
    'gradients',
    new Session(opener),
    opTable
      .filter(({ gradient }) => gradient)
      .map((op) => ({
        name: op.name,
        run: async () => {
          for (const sample of op.samples) {
            if (!sample.smooth || sample.inputs.some(({ value }) => value.data.length > differencesUpTo)) continue;
            await checkGradients(op, sample);
          }
        },
      })),
  );
}

async function checkGradients(op: OpRow, sample: Sample): Promise<void> {
  const inputs = inputsOf(sample, true);
  const output = op.run(inputs, sample.args);
  const weights = random(output.shape, { low: 0.5, high: 1.5 }, 5);
  output.backward(tensorOf({ value: weights, dtype: 'float32' }));
  for (const [i, input] of inputs.entries()) {
    if (!input.requiresGrad) continue;
    const { grad } = input;
    assert(grad !== null, `${sample.note}: input ${i} has no gradient`);
    const expected = plain(input.shape, finiteDifferences(op, sample, i, weights));
    await assertTensor(`${sample.note}: gradient of input ${i}`, grad, expected, 'float32', tolerances.gradient);
  }
}

/** Ways to have the same values in other memory. Each gives null where it does not apply. */
const layouts: Readonly<Record<string, (input: Tensor) => Promise<Tensor | null>>> = {
  transposed: async (x) => {
    if (x.ndim < 2) return null;
    const order = Array.from({ length: x.ndim }, (_, axis) => x.ndim - 1 - axis);
    const turned = x.permute(...order).clone();
    await evaluate(turned);
    return turned.permute(...order);
  },
  'a slice of more': async (x) => {
    if (x.ndim === 0) return null;
    const around = await paddedCopy(x, 0);
    return around.narrow(0, 1, x.size(0));
  },
  'every second': async (x) => {
    if (x.ndim === 0) return null;
    const doubled = x
      .unsqueeze(1)
      .expand([x.size(0), 2, ...x.shape.slice(1)])
      .clone();
    await evaluate(doubled);
    return doubled.select(1, 1);
  },
  'flipped twice': async (x) => (x.ndim === 0 ? null : x.flip(0).flip(0)),
  stored: async (x) => {
    const copy = x.clone();
    await evaluate(copy);
    return copy;
  },
};

/** `x` between two other rows along `dim`, stored. */
async function paddedCopy(x: Tensor, dim: number): Promise<Tensor> {
  const rows = x.size(dim) + 2;
  const shape = x.shape.with(dim, rows);
  const around = tensor(new Array<number>(shape.reduce((size, length) => size * length, 1)).fill(1), {
    shape,
    dtype: x.dtype,
  });
  const whole = around.clone();
  whole.narrow(dim, 1, x.size(dim)).copy_(x);
  await evaluate(whole);
  return whole;
}

/** Samples through other layouts, against the reference. */
export function layoutsSuite(opener: Opener): Suite {
  return suite(
    'layouts',
    new Session(opener),
    opTable.map((op) => ({
      name: op.name,
      run: async () => {
        for (const sample of op.samples.slice(0, 4)) {
          const dtype = resultDType(op, sample);
          const expected = rounded(referenceOf(op, sample), dtype);
          for (const [name, change] of Object.entries(layouts)) {
            const changed = await Promise.all(inputsOf(sample).map(async (x) => (await change(x)) ?? x));
            const actual = op.run(changed, sample.args);
            await assertTensor(`${sample.note}, ${name}`, actual, expected, dtype, closeness(op.tolerance));
          }
        }
      },
    })),
  );
}

/** The operation between two others, in one evaluation and in three. */
export function fusionSuite(opener: Opener): Suite {
  return suite(
    'fused equals unfused',
    new Session(opener),
    opTable.map((op) => ({
      name: op.name,
      run: async () => {
        for (const sample of op.samples.slice(0, 4)) {
          const fused = after(op.run(inputsOf(sample).map(before), sample.args));
          const inputs = inputsOf(sample).map(before);
          await evaluate(...inputs);
          const middle = op.run(inputs, sample.args);
          await evaluate(middle);
          const expected = await numbersOf(after(middle));
          assertNumbers(sample.note, await numbersOf(fused), expected, tolerances.accumulated);
        }
      },
    })),
  );
}

/** The same value by way of an operation that can be fused into what follows. */
function before(x: Tensor): Tensor {
  return x.dtype === 'float32' ? x.neg().neg() : x;
}

function after(x: Tensor): Tensor {
  return x.dtype === 'float32' ? x.mul(2).add(x) : x;
}

/** Rows in the other dtypes they take, with small whole numbers that every dtype holds. */
export function dtypesSuite(opener: Opener): Suite {
  const rows = opTable.flatMap((op) => (op.dtypes === null ? [] : [{ op, rule: op.dtypes }]));
  return suite(
    'dtypes',
    new Session(opener),
    rows.map(({ op, rule }) => ({
      name: op.name,
      run: async ({ device }) => {
        const [first] = op.samples;
        assert(first !== undefined, 'expected at least one sample');
        for (const dtype of rule.inputs) {
          if (dtype === 'float32' || !stores(device, dtype)) continue;
          const sample = inDType(first, dtype);
          const result = rule.result(dtype);
          const expected = rounded(referenceOf(op, sample), result);
          const actual = op.run(inputsOf(sample), sample.args);
          await assertTensor(dtype, actual, expected, result, closeness(op.tolerance, narrower(dtype, result)));
        }
      },
    })),
  );
}

/** A sample of the same shapes whose numbers are 1 to 3, or 0 and 1 for bool. */
function inDType(sample: Sample, dtype: DType): Sample {
  const inputs = sample.inputs.map((input, which) =>
    input.dtype === 'float32'
      ? {
          dtype,
          value: plain(
            input.value.shape,
            input.value.data.map((_, i) => (dtype === 'bool' ? (i + which) % 2 : 1 + ((i + which) % 3))),
          ),
        }
      : input,
  );
  return { ...sample, inputs };
}

/** The dtype whose rounding decides: halves are computed from halves. */
function narrower(input: DType, result: DType): DType {
  return input === 'float16' || input === 'bfloat16' ? input : result;
}

/** Calls that must be refused, with the message they must give. */
export function errorsSuite(opener: Opener): Suite {
  return suite(
    'errors',
    new Session(opener),
    opTable
      .filter(({ bad }) => bad.length > 0)
      .map((op) => ({
        name: op.name,
        run: async () => {
          for (const { note, call, message } of op.bad) await assertThrows(note, call, message);
        },
      })),
  );
}

/** Uniform numbers of two draws after one seed. */
async function drawn(seed: number): Promise<number[][]> {
  const generator = new Generator(seed);
  const draws = [rand([50], { generator }), rand([50], { generator })];
  return Promise.all(draws.map(numbersOf));
}

/** The same call recorded twice gives the same bits, and a seed gives the same numbers. */
export function determinismSuite(opener: Opener): Suite {
  const rows = opTable.map((op) => ({
    name: op.name,
    run: async () => {
      for (const sample of op.samples) {
        const first = await numbersOf(op.run(inputsOf(sample), sample.args));
        const second = await numbersOf(op.run(inputsOf(sample), sample.args));
        assertSameNumbers(sample.note, second, first);
      }
    },
  }));
  const seeds = {
    name: 'random numbers: the same after the same seed, others after another and in the next draw',
    run: async () => {
      const [first = [], next = []] = await drawn(7);
      assertSameNumbers('the same seed', (await drawn(7)).flat(), [...first, ...next]);
      const [other = []] = await drawn(8);
      for (const [what, numbers] of [
        ['the next draw', next],
        ['another seed', other],
      ] as const) {
        const equal = numbers.filter((value, i) => value === first[i]).length;
        assert(equal < 5, `${what}: expected other numbers, got ${equal} of 50 the same`);
        assert(
          numbers.every((value) => value >= 0 && value < 1),
          `${what}: expected numbers in [0, 1)`,
        );
      }
    },
  };
  return suite('determinism', new Session(opener), [...rows, seeds]);
}
