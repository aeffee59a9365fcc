/**
 * Alterations of what a case expects, to prove that the checks can fail: each element's value, dtype or shape, each flag, each absence. A case
 * that passes unaltered must fail under every one of them.
 */
import { type DType, dtypeNames, type HostArray, numberToBfloat16, numberToFloat16 } from '@torchlet/device';
import type { HostTensor } from '@torchlet/data';
import type { Check } from './checks.js';
import { reader } from './compare.js';

export interface Mutation {
  /** What was altered, for the report. */
  readonly name: string;
  readonly checks: readonly Check[];
}

/** Every altered list of checks, each with one alteration. */
export function mutations(checks: readonly Check[]): Mutation[] {
  return checks.flatMap((check, i) =>
    alterations(check).map(({ name, altered }) => ({
      name,
      checks: altered === null ? checks.filter((_, j) => j !== i) : checks.with(i, altered),
    })),
  );
}

interface Alteration {
  readonly name: string;
  /** Null: the check is dropped. */
  readonly altered: Check | null;
}

function alterations(check: Check): Alteration[] {
  switch (check.kind) {
    case 'tensor':
      return tensorAlterations(check.value).map(({ name, value }) => ({
        name: `${check.what}: ${name}`,
        altered: { ...check, value },
      }));
    case 'absent':
      return [
        { name: `${check.what}: present`, altered: { ...check, kind: 'tensor', value: zero, tolerance: anything } },
      ];
    case 'value':
      return [{ name: `${check.what}: other value`, altered: { ...check, value: { not: check.value } } }];
    case 'throws':
      return [{ name: 'expected to succeed', altered: null }];
    default: {
      const never: never = check;
      return never;
    }
  }
}

const zero: HostTensor = { dtype: 'float32', shape: [], data: new Float32Array(1) };
const anything = { rtol: 0, atol: Infinity };

function tensorAlterations(tensor: HostTensor): { name: string; value: HostTensor }[] {
  const altered = [
    { name: 'other dtype', value: { ...tensor, ...asOtherDtype(tensor) } },
    { name: 'other shape', value: { ...tensor, shape: [...tensor.shape, 1] } },
  ];
  for (const place of new Set([0, tensor.data.length >> 1, tensor.data.length - 1])) {
    if (place < 0 || place >= tensor.data.length) continue;
    altered.push({ name: `other value at ${place}`, value: { ...tensor, data: withOtherValue(tensor, place) } });
  }
  return altered;
}

/** The same data under the next dtype that has the same width where there is one, so that only the name differs. */
function asOtherDtype(tensor: HostTensor): Pick<HostTensor, 'dtype'> {
  const next = dtypeNames[(dtypeNames.indexOf(tensor.dtype) + 1) % dtypeNames.length] as DType;
  return { dtype: next };
}

function withOtherValue(tensor: HostTensor, place: number): HostArray {
  const { dtype } = tensor;
  const copy = tensor.data.slice();
  const value = reader(tensor)(place);
  if (copy instanceof BigInt64Array || typeof value === 'bigint') {
    (copy as BigInt64Array)[place] = BigInt(value) ^ 1n;
    return copy;
  }
  if (dtype === 'bool' || !isFloat(dtype)) {
    copy[place] = value ^ 1;
    return copy;
  }
  const other = farFrom(value);
  if (dtype === 'float16') copy[place] = numberToFloat16(other);
  else if (dtype === 'bfloat16') copy[place] = numberToBfloat16(other);
  else copy[place] = other;
  return copy;
}

/** A number that no tolerance takes for `value`. */
function farFrom(value: number): number {
  if (Number.isNaN(value)) return 0;
  if (!Number.isFinite(value)) return 0;
  return Math.abs(value) < 1 ? value + 2 : 0;
}

function isFloat(dtype: DType): boolean {
  return dtype.startsWith('float') || dtype === 'bfloat16';
}
