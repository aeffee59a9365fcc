/**
 * Where elements lie: an index form becomes a pointer local and a constant offset. A loop that moves an address advances its pointer by a
 * constant instead of multiplying; whatever part of an index does not change in a loop is added before it. Owns pointers and address
 * arithmetic; `emitter.ts` loads and stores through them.
 */
import type { Expression } from '@torchlet/device';
import { type FunctionBuilder, i32, type Local, type Operand, type Value } from '../wasm/index.js';
import type { Affine, Variable } from './affine.js';
import type { Scope } from './scope.js';

/** Elements of `width` bytes from `base` on. */
export interface Region {
  readonly base: Local;
  readonly width: number;
}

/** What addresses need of the emitter. */
export interface AddressContext {
  readonly f: FunctionBuilder;
  readonly scope: Scope;
  scalar(expression: Expression): Value;
  /** A number that names the expression. */
  id(expression: Expression): number;
  /** Whether all that `expression` depends on is among `bits`. */
  within(expression: Expression, bits: number): boolean;
  /** Constant part of a variable's position in the current block. */
  blockOffset(variable: Variable): number;
}

/** The part of an address that a pointer holds. */
interface Group {
  readonly region: Region;
  readonly constant: number;
  readonly terms: ReadonlyMap<Variable, number>;
  readonly atoms: ReadonlyMap<Expression, number>;
}

/** A pointer that a loop advances. */
export interface Moving {
  readonly pointer: Local;
  readonly bytesPerStep: number;
}

/** The address of a form whose atoms are all scalars here. The offset is not negative. */
export function addressOf(context: AddressContext, region: Region, form: Affine): { pointer: Value; offset: number } {
  const group = groupOf(region, form);
  let offset = form.constant - group.constant;
  for (const [variable, coefficient] of form.terms) offset += coefficient * context.blockOffset(variable);
  offset *= region.width;
  const pointer = pointerOf(context, group);
  return offset >= 0 ? { pointer, offset } : { pointer: i32.add(pointer, offset), offset: 0 };
}

/** Adds up, outside a loop that is about to start, what the loop will not change. */
export function prepareAddress(context: AddressContext, region: Region, form: Affine): void {
  const group = within(context, groupOf(region, form), context.scope.bound);
  if (!isBase(group)) pointerOf(context, group);
}

/**
 * A pointer for a loop over `variable` that starts at `start`, to be advanced at the end of each turn, or null if the loop does not move
 * this address or it has its pointer already.
 */
export function movingPointer(
  context: AddressContext,
  region: Region,
  form: Affine,
  variable: Variable,
  start: Operand,
  step: number,
  inner: Scope,
): Moving | null {
  const coefficient = form.terms.get(variable);
  if (coefficient === undefined) return null;
  const { f, scope } = context;
  const outside = within(context, groupOf(region, form), scope.bound);
  const inside = { ...outside, terms: new Map([...outside.terms, [variable, coefficient]]) };
  const key = keyOf(context, inside);
  if (inner.known('pointer', key) !== undefined) return null;
  const base = isBase(outside) ? region.base : pointerOf(context, outside);
  const bytes = coefficient * region.width;
  const pointer = f.let(`p.${region.base.name}`, start === 0 ? base : i32.add(base, i32.mul(start, bytes)));
  inner.learn('pointer', pointer, key);
  return { pointer, bytesPerStep: bytes * step };
}

/** Constants stay out of the pointer, and become offsets of instructions, if no part of the address can be below the base. */
function groupOf(region: Region, form: Affine): Group {
  const rising =
    form.constant >= 0 && form.atoms.size === 0 && [...form.terms.values()].every((coefficient) => coefficient > 0);
  return { region, constant: rising ? 0 : form.constant, terms: form.terms, atoms: form.atoms };
}

function isBase(group: Group): boolean {
  return group.constant === 0 && group.terms.size === 0 && group.atoms.size === 0;
}

function within(context: AddressContext, group: Group, bits: number): Group {
  return {
    ...group,
    terms: new Map([...group.terms].filter(([variable]) => (variable.bit & bits) !== 0)),
    atoms: new Map([...group.atoms].filter(([atom]) => context.within(atom, bits))),
  };
}

function keyOf(context: AddressContext, { region, constant, terms, atoms }: Group): string {
  const parts = [...terms]
    .sort(([a], [b]) => a.bit - b.bit)
    .map(([variable, coefficient]) => `${variable.bit}*${coefficient}`);
  const rest = [...atoms].map(([atom, coefficient]) => `#${context.id(atom)}*${coefficient}`).sort();
  return [region.base.name, region.width, constant, ...parts, ...rest].join(' ');
}

function pointerOf(context: AddressContext, group: Group): Local {
  if (isBase(group)) return group.region.base;
  const { f, scope } = context;
  const key = keyOf(context, group);
  const known = scope.known('pointer', key);
  if (known !== undefined) return known;
  const { start, rest } = nearest(context, group);
  const address = sumOf(context, start, rest);
  const pointer = address.kind === 'local' ? address : f.let(`p.${group.region.base.name}`, address);
  scope.learn('pointer', pointer, key);
  return pointer;
}

/** The pointer of an enclosing scope that lacks least. */
function nearest(context: AddressContext, group: Group): { start: Local; rest: Group } {
  for (const scope of context.scope.chain()) {
    const outer = within(context, group, scope.bound);
    const known = isBase(outer) ? undefined : context.scope.known('pointer', keyOf(context, outer));
    if (known !== undefined) return { start: known, rest: without(group, outer) };
    // What was moved through a loop does not hold the atoms that change in it.
    const terms = { ...outer, atoms: within(context, outer, scope.parent?.bound ?? 0).atoms };
    const moved = isBase(terms) ? undefined : context.scope.known('pointer', keyOf(context, terms));
    if (moved !== undefined) return { start: moved, rest: without(group, terms) };
  }
  return { start: group.region.base, rest: group };
}

function sumOf(context: AddressContext, start: Local, { region, constant, terms, atoms }: Group): Value {
  let address: Value = start;
  const add = (value: Value, coefficient: number) => {
    const bytes = coefficient * region.width;
    address = i32.add(address, bytes === 1 ? value : i32.mul(value, bytes));
  };
  for (const [variable, coefficient] of terms) {
    const { local } = context.scope.position(variable);
    if (local !== null) add(local, coefficient);
  }
  for (const [atom, coefficient] of atoms) add(context.scalar(atom), coefficient);
  return constant === 0 ? address : i32.add(address, constant * region.width);
}

function without(group: Group, part: Group): Group {
  return {
    region: group.region,
    constant: 0,
    terms: new Map([...group.terms].filter(([variable]) => !part.terms.has(variable))),
    atoms: new Map([...group.atoms].filter(([atom]) => !part.atoms.has(atom))),
  };
}
