/**
 * Turns expressions into PTX at a point of the axes. A value is written once, in the outermost open block that knows all it depends on. Lanes next to each
 * other share what does not vary between them, and read and write memory as vectors where it lies so. Owns values, loads and stores; loops
 * and results are the kernels'.
 */
import type { Expression, Load, Store } from '@torchlet/device';
import type { Body, Scope } from '../ptx/body.js';
import { constantOperand, kindOf, storedBytes } from '../ptx/dtypes.js';
import { loadElements, type Place, storeElements } from '../ptx/elements.js';
import { int32, type Operand } from '../ptx/register.js';
import { applyFunction } from '../ptx/scalar-functions.js';
import { cast } from '../ptx/casts.js';
import { indexFunction, plus } from './index-arithmetic.js';
import { type Dependencies, DependencyTable, type LaneAxis, type LaneForm, LaneForms } from '@torchlet/device/analysis';
import type { Point, Value } from './point.js';
import type { KernelSite } from './site.js';

/** What the analysis of one lane stands for: ranges alone. */
const noLanes: LaneAxis = { axis: -1, count: 1 };

export class Emitter {
  readonly site: KernelSite;
  readonly body: Body;
  readonly #name: string;
  readonly #lengths: readonly number[];
  readonly #written: ReadonlySet<number>;
  readonly #dependencies: DependencyTable;
  readonly #values = new Map<Expression, Map<string, Value>>();
  readonly #addresses = new Map<Expression, Map<string, Value>>();
  readonly #forms = new Map<string, LaneForms>();
  readonly #made = new Map<string, { value: unknown; scope: Scope }>();
  #phase = 0;

  /** @param name of the kernel. @param lengths of its axes. @param written slots that it stores to. */
  constructor(
    site: KernelSite,
    body: Body,
    kernel: { readonly name: string; readonly lengths: readonly number[]; readonly written: ReadonlySet<number> },
  ) {
    this.site = site;
    this.body = body;
    this.#name = kernel.name;
    this.#lengths = kernel.lengths;
    this.#written = kernel.written;
    this.#dependencies = new DependencyTable(kernel.written);
  }

  /** From here on slots that the kernel writes are read anew. */
  nextPhase(): void {
    this.#phase++;
  }

  forms(lanes: LaneAxis | null): LaneForms {
    const { axis, count } = lanes ?? noLanes;
    const key = `${axis} ${count}`;
    let forms = this.#forms.get(key);
    if (forms === undefined) {
      forms = new LaneForms({ axis, count }, this.#lengths);
      this.#forms.set(key, forms);
    }
    return forms;
  }

  /** What `make` makes under a key, made once in the blocks that are open. */
  once<T>(key: string, make: () => T): T {
    const known = this.#made.get(key);
    if (known !== undefined && this.#isOpen(known.scope)) return known.value as T;
    const value = make();
    this.#made.set(key, { value, scope: this.body.scope });
    return value;
  }

  /** What an expression depends on. */
  dependencies(expression: Expression): Dependencies {
    return this.#dependencies.of(expression);
  }

  /** The value of an expression in the lane of `point`. */
  value(root: Expression, point: Point): Operand {
    const stack: { expression: Expression; at: Point }[] = [{ expression: root, at: point }];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const { expression, at } = top;
      if (this.#known(expression, at) !== null) {
        stack.pop();
        continue;
      }
      const waiting = this.#operands(expression, at).filter((part) => this.#known(part.expression, part.at) === null);
      if (waiting.length > 0) {
        stack.push(...waiting.reverse());
        continue;
      }
      stack.pop();
      this.body.within(this.#scopeOf(expression, at), () => this.#compute(expression, at));
    }
    return (this.#known(root, point) as Value).operand;
  }

  /** Computes the values of every store in every lane of `point`, then stores them where `holds` (if given) does. */
  store(stores: readonly Store[], point: Point, holds: Operand | null = point.guard?.holds ?? null): void {
    const { body } = this;
    const forms = this.forms(point.lanes);
    const lanes = point.all;
    const writes = stores.map(({ slot, index, value, mask }) => {
      const place = this.#place(slot);
      const values = lanes.map((lane) => {
        const operand = this.value(value, lane);
        return kindOf(value.dtype) === kindOf(place.dtype) ? operand : cast(body, operand, value.dtype, place.dtype);
      });
      const isUniform = mask === null || forms.of(mask).stride === 0;
      const masks = (isUniform ? [point.inLane(0)] : lanes).map((lane) => {
        const own = mask === null ? null : this.value(mask, lane);
        return this.#both(own, holds);
      });
      return { place, index, values, masks, isVector: isUniform && forms.isVector(index) };
    });
    for (const { place, index, values, masks, isVector } of writes) {
      if (isVector) {
        storeElements(body, { ...place, ...this.#address(place, index, point.inLane(0)) }, values, masks[0] ?? null);
        continue;
      }
      values.forEach((value, i) => {
        const mask = masks[masks.length === 1 ? 0 : i] ?? null;
        storeElements(body, { ...place, ...this.#address(place, index, lanes[i] as Point) }, [value], mask);
      });
    }
  }

  /** The address of element `index` of `slot`. */
  address(slot: number, index: Expression, point: Point): Place {
    const place = this.#place(slot);
    return { ...place, ...this.#address(place, index, point) };
  }

  #both(x: Operand | null, y: Operand | null): Operand | null {
    if (x === null || y === null) return x ?? y;
    return this.body.op('pred', 'and.pred', [x, y], 'both');
  }

  /** Which operands an expression needs, and in which lane: an index that moves evenly is needed in the first alone. */
  #operands(expression: Expression, at: Point): { expression: Expression; at: Point }[] {
    switch (expression.kind) {
      case 'constant':
      case 'axis':
      case 'scalar':
      case 'result':
        return [];
      case 'load': {
        const index = { expression: expression.index, at: this.#indexPoint(expression.index, at) };
        return expression.mask === null ? [index] : [index, { expression: expression.mask, at }];
      }
      case 'apply':
        return expression.args.map((arg) => ({ expression: arg, at }));
      default: {
        const never: never = expression;
        return never;
      }
    }
  }

  #form(index: Expression, at: Point): LaneForm {
    return this.forms(at.lanes).of(index);
  }

  #indexPoint(index: Expression, at: Point): Point {
    return at.lanes !== null && this.#form(index, at).stride !== null ? at.inLane(0) : at;
  }

  #compute(expression: Expression, at: Point): void {
    if (expression.kind === 'load') this.#load(expression, at);
    else this.#remember(expression, at, this.#computed(expression, at));
  }

  #computed(expression: Exclude<Expression, Load>, at: Point): Operand {
    const { body } = this;
    switch (expression.kind) {
      case 'constant':
        return constantOperand(body, expression.value, expression.dtype);
      case 'axis': {
        const { operand } = this.#coordinate(expression.axis, at);
        return at.lanes?.axis === expression.axis ? plus(body, operand, int32(at.lane), 'position') : operand;
      }
      case 'scalar':
        return this.#scalar(expression.slot);
      case 'result': {
        const value = at.result(expression.id);
        if (value === undefined)
          throw new RangeError(`kernel ${this.#name}: result ${expression.id} is not known here`);
        return value.operand;
      }
      case 'apply': {
        const { fn, dtype } = expression;
        const args = expression.args.map((arg) => (this.#known(arg, at) as Value).operand);
        if (dtype === 'int32') {
          const isIndex = this.forms(null).of(expression.args[0] as Expression).least >= 0;
          const cheap = indexFunction(body, fn, args, isIndex);
          if (cheap !== null) return cheap;
        }
        return applyFunction(fn, { body, args, dtype, from: (expression.args.at(-1) as Expression).dtype });
      }
      default: {
        const never: never = expression;
        return never;
      }
    }
  }

  #scalar(slot: number): Operand {
    const dtype = this.site.scalars[slot];
    if (dtype === undefined)
      throw new RangeError(`kernel ${this.#name}: scalar ${slot} of ${this.site.scalars.length}`);
    const address = this.body.parameter({ kind: 'scalar', slot }, 'scalar');
    return loadElements(this.body, { dtype, address, offset: 0, constant: true }, 1)[0] as Operand;
  }

  #load(load: Load, at: Point): void {
    const { body } = this;
    const forms = this.forms(at.lanes);
    const { stride } = forms.of(load.index);
    const isSameMask = load.mask === null || forms.of(load.mask).stride === 0;
    const place = this.#place(load.slot);
    const { guard } = at;
    const past = guard !== null && this.#dependencies.of(load).axes.some((axis) => guard.axes.has(axis));
    const mask = load.mask === null ? null : (this.#known(load.mask, at) as Value).operand;
    const holds = this.#both(mask, past ? guard.holds : null);
    const lanes = at.lanes !== null && isSameMask ? at.all : [at];
    if (lanes.length > 1 && stride === 0) {
      const whole = { ...place, ...this.#address(place, load.index, at) };
      const [value] = loadElements(body, whole, 1, holds, load.otherwise);
      for (const lane of lanes) this.#remember(load, lane, value as Operand);
      return;
    }
    if (lanes.length > 1 && forms.isVector(load.index)) {
      const whole = { ...place, ...this.#address(place, load.index, at.inLane(0)) };
      const values = loadElements(body, whole, lanes.length, holds, load.otherwise);
      lanes.forEach((lane, i) => {
        this.#remember(load, lane, values[i] as Operand);
      });
      return;
    }
    const [value] = loadElements(body, { ...place, ...this.#address(place, load.index, at) }, 1, holds, load.otherwise);
    this.#remember(load, at, value as Operand);
  }

  #place(slot: number): Omit<Place, 'address' | 'offset'> & { readonly slot: number } {
    const described = this.site.slots[slot];
    if (described === undefined)
      throw new RangeError(`kernel ${this.#name}: slot ${slot} of ${this.site.slots.length}`);
    return { slot, dtype: described.dtype, constant: !this.site.mayBeWritten(slot, this.#written) };
  }

  /** Where element `index` lies: a register, and bytes past it. */
  #address(
    { slot, dtype }: { readonly slot: number; readonly dtype: Place['dtype'] },
    index: Expression,
    at: Point,
  ): Pick<Place, 'address' | 'offset'> {
    const { body } = this;
    const from = this.#indexPoint(index, at);
    const { stride } = this.#form(index, at);
    const bytes = storedBytes(dtype);
    const further = from === at || stride === null ? 0 : at.lane * stride * bytes;
    const found = this.value(index, from);
    const stem = this.#written.has(slot) ? 'output' : 'input';
    const base = body.parameter(this.site.argumentOf(slot), stem);
    if (typeof found.literal === 'number') return { address: base, offset: found.literal * bytes + further };
    const key = `${slot} ${this.#key(index, from)}`;
    const known = this.#addresses.get(index)?.get(key);
    if (known !== undefined && this.#isOpen(known.scope)) return { address: known.operand, offset: further };
    const scope = this.#scopeOf(index, from);
    const address = body.within(scope, () => body.op('s64', 'mad.wide.s32', [found, int32(bytes), base], 'at'));
    const addresses = this.#addresses.get(index) ?? new Map<string, Value>();
    this.#addresses.set(index, addresses.set(key, { operand: address, scope }));
    return { address, offset: further };
  }

  #coordinate(axis: number, at: Point): Value {
    const coordinate = at.coordinates.get(axis);
    if (coordinate === undefined) throw new RangeError(`kernel ${this.#name}: axis ${axis} is not known here`);
    return coordinate;
  }

  #remember(expression: Expression, at: Point, operand: Operand): void {
    const values = this.#values.get(expression) ?? new Map<string, Value>();
    this.#values.set(expression, values.set(this.#key(expression, at), { operand, scope: this.body.scope }));
  }

  #known(expression: Expression, at: Point): Value | null {
    const value = this.#values.get(expression)?.get(this.#key(expression, at));
    return value !== undefined && this.#isOpen(value.scope) ? value : null;
  }

  #isOpen(wanted: Scope): boolean {
    for (let scope: Scope | null = this.body.scope; scope !== null; scope = scope.parent) {
      if (scope === wanted) return true;
    }
    return false;
  }

  /** The outermost open block that knows all that a value depends on. */
  #scopeOf(expression: Expression, at: Point): Scope {
    const dependencies = this.#dependencies.of(expression);
    const { axes, results, written } = dependencies;
    let scope = this.body.root;
    for (const axis of axes) scope = deeper(scope, this.#coordinate(axis, at).scope);
    for (const id of results) scope = deeper(scope, at.result(id)?.scope ?? this.body.scope);
    const { guard } = at;
    // What a guard or a written slot decides is computed here.
    return written || (guard !== null && axes.some((axis) => guard.axes.has(axis))) ? this.body.scope : scope;
  }

  #key(expression: Expression, at: Point): string {
    const dependencies = this.#dependencies.of(expression);
    let key = at.keys.get(dependencies);
    if (key === undefined) {
      const { axes, results } = dependencies;
      const positions = axes.map((axis) => {
        const position = at.coordinates.get(axis)?.operand.text;
        return at.lanes?.axis === axis ? `${position}+${at.lane}` : position;
      });
      key = [...positions, ...results.map((id) => at.result(id)?.operand.text)].join();
      at.keys.set(dependencies, key);
    }
    return dependencies.written ? `${key} ${this.#phase}` : key;
  }
}

function deeper(a: Scope, b: Scope): Scope {
  return b.depth > a.depth ? b : a;
}
