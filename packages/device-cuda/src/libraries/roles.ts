/**
 * The digits of a product's axes by what depends on them: one operand is read through windows, as an image is, the other is what meets them. Owns the reading of a
 * product into these; what it is then `convolution.ts` and `adjoint.ts` say.
 */
import type { Expression, Load, MatmulCandidate } from '@torchlet/device';
import { int } from '../kernels/split.js';
import { boundsOf, type Digit, type Form, inDigits, type Sum, sumOf } from './digits.js';

/** A digit of a product's axes, and what a step along it is in elements of the image, of the other operand and of the result. */
export interface Role {
  readonly digit: Digit;
  /** Among the digits. */
  readonly position: number;
  readonly length: number;
  readonly image: number;
  readonly other: number;
  readonly result: number;
}

/** Digits by what depends on them. */
export interface Sorted {
  readonly places: Role[];
  readonly inners: Role[];
  readonly groups: Role[];
  readonly outputs: Role[];
}

/** Null where one is of no use to a convolution. */
function sortedRoles(roles: readonly Role[], innerAxis: number): Sorted | null {
  const sorted: Sorted = { places: [], inners: [], groups: [], outputs: [] };
  for (const role of roles) {
    const { image, other } = role;
    if (role.digit.axis === innerAxis) {
      if (image === 0 || other === 0) return null;
      sorted.inners.push(role);
    } else if (image !== 0) {
      (other === 0 ? sorted.places : sorted.groups).push(role);
    } else {
      if (other === 0) return null;
      sorted.outputs.push(role);
    }
  }
  return sorted;
}

export interface ProductRoles extends Sorted {
  /** Where image, other operand and result begin. */
  readonly begins: readonly [image: number, other: number, result: number];
  /** What is at least 0 exactly where an operand is read. */
  readonly imageBounds: readonly Form[];
  readonly otherBounds: readonly Form[];
}

/** @param image which operand is seen as the image. @returns null where the product cannot be seen so. */
export function rolesOf(
  { batch, m, n, k, a, b }: Omit<MatmulCandidate, 'dtype'>,
  image: 'a' | 'b',
  result: Expression | null,
): ProductRoles | null {
  const [read, other] = image === 'a' ? [a, b] : [b, a];
  if (read.kind !== 'load' || other.kind !== 'load' || read.otherwise !== 0 || other.otherwise !== 0) return null;
  const [imageBounds, otherBounds] = [boundsOfLoad(read), boundsOfLoad(other)];
  const sums = [read.index, other.index, result ?? int(0)].map(sumOf);
  if (imageBounds === null || otherBounds === null || sums.includes(null)) return null;
  const lengths = [...batch, m, n, k];
  const made = inDigits([...(sums as Sum[]), ...imageBounds, ...otherBounds], lengths);
  if (made === null) return null;
  const [imageForm, otherForm, resultForm, ...bounds] = made.forms as [Form, Form, Form, ...Form[]];
  const roles = made.digits.map((digit, position): Role => {
    const [image, other, result] = [imageForm, otherForm, resultForm].map(({ times }) => times[position] as number);
    return { digit, position, length: digit.length, image, other, result } as Role;
  });
  const sorted = sortedRoles(roles, lengths.length - 1);
  return sorted === null
    ? null
    : {
        ...sorted,
        begins: [imageForm.constant, otherForm.constant, resultForm.constant],
        imageBounds: bounds.slice(0, imageBounds.length),
        otherBounds: bounds.slice(imageBounds.length),
      };
}

function boundsOfLoad({ mask }: Load): readonly Sum[] | null {
  return mask === null ? [] : boundsOf(mask);
}

/** 1 where there is no such digit. */
export function lengthOf(role: Role | null | undefined): number {
  return role?.length ?? 1;
}
