/**
 * What a kernel is, but for the slots and the runtime scalars that it reads: layers that repeat give kernels with one form, whose code a device needs once. Owns
 * the text of a form and the order in which it names slots and scalars; who runs one code on other addresses is the device.
 */
import { dtypes } from '../dtype.js';
import { type Expression, postorder } from '../expression.js';
import type { Kernel, Store } from '../kernel.js';
import type { Slot } from '../program.js';

/** Kernels with equal keys do the same, the slots and scalars of one standing for those of the other in their order. */
export interface KernelForm {
  readonly key: string;
  /** The slots that the kernel touches, in the order in which it names them first. */
  readonly slots: readonly number[];
  /** The runtime scalars that it reads, in the order in which it names them first. */
  readonly scalars: readonly number[];
}

/** @param slots of the program. */
export function kernelForm(kernel: Kernel, slots: readonly Slot[]): KernelForm {
  const form = new FormWriter(slots);
  switch (kernel.kind) {
    case 'loop':
      form.text(kernel.axes);
      for (const { lengths, reductions, stores } of kernel.phases) {
        form.text('phase', lengths);
        for (const { id, combine, dtype, of } of reductions) form.text(id, combine, dtype, form.part(of));
        form.stores(stores);
      }
      break;
    case 'matmul': {
      const { batch, m, n, k, a, b, dtype, precision, result, stores, claim } = kernel;
      form.text('product', batch, m, n, k, form.part(a), form.part(b), dtype, precision, result, claim);
      form.stores(stores);
      break;
    }
    case 'scatter': {
      const { axes, axis, length, index, value, slot, strides, offset } = kernel;
      form.text('scatter', axes, axis, length, form.part(index), form.part(value), form.slot(slot), strides, offset);
      break;
    }
    case 'custom':
      form.text('custom', JSON.stringify(kernel.sources), kernel.inputs.map(form.slot), kernel.outputs.map(form.slot));
      break;
    default: {
      const never: never = kernel;
      return never;
    }
  }
  return form.finish();
}

/** What stands for a slot or a scalar of one kernel in another of the same form; numbers that the form does not name stay. */
type StandIn = (number: number) => number;

function standIn(from: readonly number[], to: readonly number[]): StandIn {
  return (number) => to[from.indexOf(number)] ?? number;
}

/** The code of a program's kernels, made once for every form. */
export class CodeOfForms<Code> {
  readonly #slots: readonly Slot[];
  readonly #made = new Map<string, { readonly form: KernelForm; readonly code: Code }>();
  readonly #moved: (code: Code, slot: StandIn, scalar: StandIn) => Code;

  /** @param moved the same code on other slots and scalars. */
  constructor(slots: readonly Slot[], moved: (code: Code, slot: StandIn, scalar: StandIn) => Code) {
    this.#slots = slots;
    this.#moved = moved;
  }

  of(kernel: Kernel, make: () => Code): Code {
    const form = kernelForm(kernel, this.#slots);
    const known = this.#made.get(form.key);
    if (known !== undefined) {
      const { slots, scalars } = known.form;
      return this.#moved(known.code, standIn(slots, form.slots), standIn(scalars, form.scalars));
    }
    const code = make();
    this.#made.set(form.key, { form, code });
    return code;
  }
}

class FormWriter {
  readonly #all: readonly Slot[];
  readonly #slots = new Map<number, number>();
  readonly #scalars = new Map<number, number>();
  readonly #parts = new Map<Expression, number>();
  readonly #lines: string[] = [];

  constructor(slots: readonly Slot[]) {
    this.#all = slots;
  }

  text(...words: readonly unknown[]): void {
    this.#lines.push(words.join(' '));
  }

  finish(): KernelForm {
    return { key: this.#lines.join('\n'), slots: [...this.#slots.keys()], scalars: [...this.#scalars.keys()] };
  }

  /** The number of a slot in the form, which also tells which slots before it share memory with it. */
  slot = (number: number): number => {
    const known = this.#slots.get(number);
    if (known !== undefined) return known;
    const slot = this.#all[number];
    if (slot === undefined) throw new RangeError(`slot ${number} of ${this.#all.length}`);
    const shared = [...this.#slots].filter(([other]) => shareMemory(slot, this.#all[other] as Slot));
    this.text(
      'slot',
      slot.kind,
      slot.dtype,
      slot.size,
      slot.kind === 'arena' ? slot.segment : '',
      ...shared.map(([, i]) => i),
    );
    const { size: position } = this.#slots;
    this.#slots.set(number, position);
    return position;
  };

  #scalar(number: number): number {
    const position = this.#scalars.get(number) ?? this.#scalars.size;
    this.#scalars.set(number, position);
    return position;
  }

  stores(stores: readonly Store[]): void {
    for (const { slot, index, value, mask } of stores) {
      this.text('store', this.slot(slot), this.part(index), this.part(value), mask && this.part(mask));
    }
  }

  /** The number of an expression in the form. */
  part(root: Expression): number {
    for (const expression of postorder([root])) {
      if (this.#parts.has(expression)) continue;
      const words = this.#words(expression);
      this.#parts.set(expression, this.#parts.size);
      this.text(expression.dtype, ...words);
    }
    return this.#parts.get(root) as number;
  }

  #words(expression: Expression): readonly unknown[] {
    const of = (operand: Expression) => this.#parts.get(operand);
    switch (expression.kind) {
      case 'constant':
        return ['constant', typeof expression.value, exactText(expression.value)];
      case 'axis':
        return ['axis', expression.axis];
      case 'scalar':
        return ['scalar', this.#scalar(expression.slot)];
      case 'result':
        return ['result', expression.id];
      case 'load': {
        const { slot, index, mask, otherwise } = expression;
        return ['load', this.slot(slot), of(index), mask && of(mask), exactText(otherwise)];
      }
      case 'apply':
        return [expression.fn, ...expression.args.map(of)];
      default: {
        const never: never = expression;
        return never;
      }
    }
  }
}

function shareMemory(a: Slot, b: Slot): boolean {
  if (a.kind !== 'arena' || b.kind !== 'arena') return a.kind !== 'arena' && a.kind === b.kind && a.index === b.index;
  const end = ({ dtype, size, offset }: typeof a) => offset + size * dtypes[dtype].bytes;
  return a.segment === b.segment && a.offset < end(b) && b.offset < end(a);
}

/** A number as text that tells 0 from -0. */
function exactText(value: number | bigint): string {
  return Object.is(value, -0) ? '-0' : String(value);
}
