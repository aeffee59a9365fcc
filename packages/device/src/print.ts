/**
 * Programs, kernels and expressions as text for people: stable enough to be a snapshot, never parsed. Owns spelling only.
 */
import { type DType, dtypes } from './dtype.js';
import { type Expression, postorder } from './expression.js';
import type { Kernel, Phase, Store } from './kernel.js';
import type { Program, Slot } from './program.js';

const infix: Readonly<Record<string, string>> = {
  add: '+',
  sub: '-',
  mul: '*',
  div: '/',
  idiv: 'div',
  mod: 'mod',
  lt: '<',
  eq: '==',
  and: '&',
  or: '|',
  xor: '^',
  shl: '<<',
  shr: '>>',
};

function axisName(axis: number): string {
  return axis < 26 ? String.fromCharCode(97 + ((axis + 8) % 26)) : `axis${axis}`;
}

function short(dtype: DType): string {
  return dtypes[dtype].short;
}

/** Names every expression that two others use, so that shared work is written once. */
class Namer {
  readonly lines: string[] = [];
  readonly #names = new Map<Expression, string>();
  readonly #uses = new Map<Expression, number>();

  constructor(roots: readonly Expression[]) {
    for (const root of roots) this.#count(root);
    for (const expression of postorder(roots)) {
      for (const operand of children(expression)) this.#count(operand);
    }
    for (const expression of postorder(roots)) {
      const shared = (this.#uses.get(expression) ?? 0) > 1;
      if (!shared || (expression.kind !== 'apply' && expression.kind !== 'load')) continue;
      if (expression.dtype === 'int32' && isIndex(expression)) continue;
      const text = this.print(expression);
      const name = `v${this.#names.size}`;
      this.#names.set(expression, name);
      this.lines.push(`${name} = ${text}`);
    }
  }

  #count(expression: Expression): void {
    this.#uses.set(expression, (this.#uses.get(expression) ?? 0) + 1);
  }

  print(expression: Expression): string {
    const known = this.#names.get(expression);
    if (known !== undefined) return known;
    switch (expression.kind) {
      case 'constant':
        return constantText(expression.value, expression.dtype);
      case 'axis':
        return axisName(expression.axis);
      case 'scalar':
        return `scalar${expression.slot}`;
      case 'result':
        return `r${expression.id}`;
      case 'load': {
        const at = `s${expression.slot}[${this.print(expression.index)}]`;
        if (expression.mask === null) return at;
        return `(${this.print(expression.mask)} ? ${at} : ${expression.otherwise})`;
      }
      case 'apply': {
        const args = expression.args.map((arg) => this.print(arg));
        if (expression.fn === 'cast') return `${short(expression.dtype)}(${args[0]})`;
        if (expression.fn === 'where') return `(${args[0]} ? ${args[1]} : ${args[2]})`;
        const symbol = infix[expression.fn];
        if (symbol !== undefined) return `(${args[0]} ${symbol} ${args[1]})`;
        return `${expression.fn}(${args.join(', ')})`;
      }
      default: {
        const never: never = expression;
        return never;
      }
    }
  }
}

function children(expression: Expression): readonly Expression[] {
  if (expression.kind === 'apply') return expression.args;
  if (expression.kind === 'load')
    return expression.mask === null ? [expression.index] : [expression.index, expression.mask];
  return [];
}

function isIndex(expression: Expression): boolean {
  return postorder([expression]).every(
    (e) =>
      e.dtype === 'int32' && (e.kind === 'axis' || e.kind === 'constant' || e.kind === 'apply' || e.kind === 'scalar'),
  );
}

function constantText(value: number | bigint, dtype: DType): string {
  if (dtype === 'bool') return value ? 'true' : 'false';
  if (Object.is(value, -0)) return '-0';
  return String(value);
}

/** One expression on one line. */
export function printExpression(expression: Expression): string {
  const names = new Namer([]);
  return names.print(expression);
}

function printStore(names: Namer, store: Store): string {
  const guard = store.mask === null ? '' : `if ${names.print(store.mask)}: `;
  return `${guard}s${store.slot}[${names.print(store.index)}] = ${names.print(store.value)}`;
}

function storeRoots(stores: readonly Store[]): Expression[] {
  return stores.flatMap((store) =>
    store.mask === null ? [store.index, store.value] : [store.index, store.mask, store.value],
  );
}

function loops(first: number, lengths: readonly number[]): string {
  return lengths.map((length, i) => `${axisName(first + i)} < ${length}`).join(', ');
}

function printPhase(phase: Phase, first: number): string[] {
  const names = new Namer([...phase.reductions.map((reduction) => reduction.of), ...storeRoots(phase.stores)]);
  const body = [
    ...names.lines,
    ...phase.reductions.map(
      (reduction) => `r${reduction.id}: ${short(reduction.dtype)} = ${reduction.combine} ${names.print(reduction.of)}`,
    ),
    ...phase.stores.map((store) => printStore(names, store)),
  ];
  if (phase.lengths.length === 0) return body;
  return [`over ${loops(first, phase.lengths)}`, ...body.map((line) => `  ${line}`)];
}

/** A kernel in lines: its axes, then what each phase computes. */
export function printKernel(kernel: Kernel): string {
  switch (kernel.kind) {
    case 'loop': {
      const head = `loop ${kernel.name} for ${loops(0, kernel.axes) || 'one point'}`;
      const body = kernel.phases.flatMap((phase) => printPhase(phase, kernel.axes.length));
      return [head, ...body.map((line) => `  ${line}`)].join('\n');
    }
    case 'matmul': {
      const rank = kernel.batch.length;
      const names = new Namer(storeRoots(kernel.stores));
      return [
        `matmul ${kernel.name} for ${loops(0, [...kernel.batch, kernel.m, kernel.n])} over ${loops(rank + 2, [kernel.k])}`,
        `  r${kernel.result}: ${short(kernel.dtype)} = sum ${printExpression(kernel.a)} * ${printExpression(kernel.b)}${kernel.claim === null ? '' : ` by ${kernel.claim}`}${kernel.precision === undefined ? '' : ' in TF32 or better'}`,
        ...names.lines.map((line) => `  ${line}`),
        ...kernel.stores.map((store) => `  ${printStore(names, store)}`),
      ].join('\n');
    }
    case 'scatter':
      return [
        `scatter ${kernel.name} for ${loops(0, kernel.axes)}`,
        `  ${axisName(kernel.axis)}' = ${printExpression(kernel.index)} < ${kernel.length}`,
        `  s${kernel.slot}[${kernel.offset} + strides ${kernel.strides.join(', ')}] += ${printExpression(kernel.value)}`,
      ].join('\n');
    case 'custom':
      return `custom ${kernel.name} (${kernel.inputs.map((slot) => `s${slot}`).join(', ')}) -> (${kernel.outputs.map((slot) => `s${slot}`).join(', ')})`;
    default: {
      const never: never = kernel;
      return never;
    }
  }
}

function printSlot(slot: Slot, position: number): string {
  const shape = `s${position}: ${short(slot.dtype)}[${slot.size}]`;
  switch (slot.kind) {
    case 'buffer':
      return `${shape} buffer ${slot.index} (${slot.access})`;
    case 'host':
      return `${shape} host ${slot.index}`;
    case 'arena':
      return `${shape} arena ${slot.segment}+${slot.offset}`;
    default: {
      const never: never = slot;
      return never;
    }
  }
}

/** A program as text: its slots and scalars, then its kernels in order. */
export function printProgram(program: Program): string {
  const scalars = program.scalars.map((dtype, i) => `scalar${i}: ${short(dtype)}`);
  return [
    `program ${program.name}: ${program.kernels.length} kernels, arena ${program.arena.join(' + ') || '0'} bytes`,
    ...program.slots.map((slot, i) => `  ${printSlot(slot, i)}`),
    ...(scalars.length > 0 ? [`  ${scalars.join(', ')}`] : []),
    ...program.kernels.map((kernel) => printKernel(kernel).replace(/^/gm, '  ')),
  ].join('\n');
}
