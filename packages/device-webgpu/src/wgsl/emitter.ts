/**
 * Turns expressions into WGSL at a place in the loops. A value is written once, in the outermost scope that knows all it depends on; what is used once
 * and in place is written inside the expression that uses it. Along the lane axis of a point values are vectors of four. Owns values, loads and
 * stores; loops and results are the kernels' (`kernels/`).
 */
import type { Expression, Load, Store } from '@torchlet/device';
import { loadText, mayInline, storeLines } from './elements.js';
import { spell, splat } from './functions.js';
import type { KernelModule } from './kernel-module.js';
import { constantText, type Kind, kindOf, typeName, type Width } from './kinds.js';
import { bare, type Scope } from './writer.js';
import { countUses, type Dependencies, DependencyTable, type LaneAxis, LaneForms } from '@torchlet/device/analysis';
import { foldedIndex, isLiteral, plus } from './literals.js';

/** A value that can be named in `scope` and the blocks inside it. */
export interface Value {
  readonly text: string;
  readonly kind: Kind;
  readonly width: Width;
  readonly scope: Scope;
  /** A name, a literal: text that may be repeated. */
  readonly simple: boolean;
}

/** Where a point stands along one axis: `text`, or four positions from there on if it is the lane axis. */
export interface Coordinate {
  readonly text: string;
  readonly scope: Scope;
}

/** What expressions are computed for: a position on every axis, and the results that are known. */
export class Point {
  readonly coordinates: ReadonlyMap<number, Coordinate>;
  readonly results: ReadonlyMap<number, Value>;
  readonly lane: LaneAxis | null;
  readonly keys = new Map<Dependencies, string>();
  #first: Point | null = null;

  constructor(
    coordinates: ReadonlyMap<number, Coordinate>,
    results: ReadonlyMap<number, Value>,
    lane: LaneAxis | null,
  ) {
    this.coordinates = coordinates;
    this.results = results;
    this.lane = lane;
  }

  /** The first of four points. */
  get first(): Point {
    if (this.lane === null) return this;
    this.#first ??= new Point(this.coordinates, this.results, null);
    return this.#first;
  }

  with(axis: number, coordinate: Coordinate): Point {
    return new Point(new Map(this.coordinates).set(axis, coordinate), this.results, this.lane);
  }

  withResult(id: number, value: Value): Point {
    return new Point(this.coordinates, new Map(this.results).set(id, value), this.lane);
  }

  along(lane: LaneAxis | null): Point {
    return new Point(this.coordinates, this.results, lane);
  }
}

/** Text longer than this gets a name. */
const longestInline = 72;
const lanes = ['x', 'y', 'z', 'w'] as const;

export class Emitter {
  readonly module: KernelModule;
  readonly #lengths: readonly number[];
  readonly #uses: ReadonlyMap<Expression, number>;
  readonly #dependencies: DependencyTable;
  readonly #values = new Map<Expression, Map<string, Value>>();
  readonly #forms = new Map<string, LaneForms>();
  #phase = 0;

  /** @param lengths of the kernel's axes. @param roots every expression that will be asked for, once for each time. */
  constructor(
    module: KernelModule,
    lengths: readonly number[],
    written: ReadonlySet<number>,
    roots: readonly Expression[],
  ) {
    this.module = module;
    this.#lengths = lengths;
    this.#dependencies = new DependencyTable(written);
    this.#uses = countUses(roots);
  }

  /** From here on slots that the kernel writes are read anew. */
  nextPhase(): void {
    this.#phase++;
  }

  forms(lane: LaneAxis): LaneForms {
    const key = `${lane.axis} ${lane.count}`;
    const known = this.#forms.get(key);
    if (known !== undefined) return known;
    const forms = new LaneForms(lane, this.#lengths);
    this.#forms.set(key, forms);
    return forms;
  }

  /** The value of an expression; four of them where it varies between lanes. */
  value(root: Expression, point: Point): Value {
    const stack: { expression: Expression; at: Point }[] = [{ expression: root, at: point }];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const { expression, at } = top;
      const waiting = this.#operands(expression, at).filter(
        (needed) => this.#known(needed.expression, needed.at) === null,
      );
      if (waiting.length > 0) {
        stack.push(...waiting.reverse());
        continue;
      }
      stack.pop();
      if (this.#known(expression, at) === null) this.#remember(expression, at, this.#compute(expression, at));
    }
    return this.#known(root, point) as Value;
  }

  /** The value with a name, or text as cheap as one. */
  named(expression: Expression, point: Point, stem: string): Value {
    const value = this.value(expression, point);
    return value.simple ? value : this.#name(value, stem);
  }

  /** The text of a value for `width` points. */
  wide(value: Value, width: Width): string {
    return value.width === width ? value.text : splat(bare(value.text), value.kind, width);
  }

  /** Computes every value, then does every store. */
  store(stores: readonly Store[], point: Point, guard: (lane: number) => string | null = () => null): void {
    const writes = stores.map((store) => {
      const mask = store.mask === null ? null : this.named(store.mask, this.#whereUniform(store.mask, point), 'mask');
      const value = this.value(store.value, point);
      const vector = point.lane !== null && this.forms(point.lane).of(store.index).stride === 1;
      const index = vector ? this.named(store.index, point.first, 'index') : this.named(store.index, point, 'index');
      return {
        store,
        mask,
        value:
          value.simple || (stores.length === 1 && mayInline(this.module.elements(store.slot)))
            ? value
            : this.#name(value, 'value'),
        index,
        vector,
      };
    });
    for (const { store, mask, value, index, vector } of writes) {
      const elements = this.module.elements(store.slot);
      const width: Width = point.lane !== null && (vector || index.width === 4 || value.width === 4) ? 4 : 1;
      const lines = (at: string, text: string) => storeLines(elements, at, bare(text), this.module.helper);
      if (width === 1 || elements.view === 'vector') {
        this.#guarded([mask?.text ?? null, guard(0)], lines(index.text, this.wide(value, width)));
        continue;
      }
      const four = value.simple ? value : this.#name(value, 'value');
      lanes.forEach((lane, i) => {
        const at = vector ? plus(index.text, i) : index.width === 4 ? `${index.text}.${lane}` : index.text;
        const masked = mask === null ? null : mask.width === 4 ? `${mask.text}.${lane}` : mask.text;
        this.#guarded([masked, guard(i)], lines(at, four.width === 4 ? `${four.text}.${lane}` : four.text));
      });
    }
  }

  /** The first point alone, where all four give one value. */
  #whereUniform(expression: Expression, at: Point): Point {
    return at.lane !== null && this.forms(at.lane).of(expression).stride === 0 ? at.first : at;
  }

  #guarded(conditions: readonly (string | null)[], lines: readonly string[]): void {
    const real = conditions.filter((condition) => condition !== null);
    const { writer } = this.module;
    const write = (): void => {
      for (const line of lines) writer.line(line);
    };
    if (real.length === 0) write();
    else writer.block(`if (${real.length === 1 ? bare(real[0] as string) : real.join(' && ')})`, write);
  }

  /** Which operands an expression needs, and for which point: the index of four elements in a row is asked for the first alone. */
  #operands(expression: Expression, at: Point): { expression: Expression; at: Point }[] {
    switch (expression.kind) {
      case 'constant':
      case 'axis':
      case 'scalar':
      case 'result':
        return [];
      case 'load': {
        const index = { expression: expression.index, at: this.#isRow(expression, at) ? at.first : at };
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

  #isRow(load: Load, at: Point): boolean {
    return at.lane !== null && this.forms(at.lane).of(load.index).stride === 1;
  }

  #compute(expression: Expression, at: Point): Value {
    const { module } = this;
    const kind = kindOf(expression.dtype);
    const { root } = module.writer;
    switch (expression.kind) {
      case 'constant': {
        const text = constantText(expression.value, expression.dtype, (name) => module.helper(name));
        return { text, kind, width: 1, scope: root, simple: true };
      }
      case 'axis': {
        const coordinate = at.coordinates.get(expression.axis);
        if (coordinate === undefined)
          throw new RangeError(`kernel ${module.name}: axis ${expression.axis} is not known here`);
        const { text, scope } = coordinate;
        if (at.lane?.axis !== expression.axis) return { text, kind, width: 1, scope, simple: true };
        return { text: `(vec4<i32>(${text}) + vec4<i32>(0, 1, 2, 3))`, kind, width: 4, scope, simple: false };
      }
      case 'scalar':
        return { text: module.scalar(expression.slot), kind, width: 1, scope: root, simple: true };
      case 'result': {
        const value = at.results.get(expression.id);
        if (value === undefined)
          throw new RangeError(`kernel ${module.name}: result ${expression.id} is not known here`);
        return value;
      }
      case 'load':
        return this.#load(expression, at);
      case 'apply': {
        const args = expression.args.map((arg) => this.#known(arg, at) as Value);
        const width: Width = args.some((arg) => arg.width === 4) ? 4 : 1;
        const last = expression.args.at(-1) as Expression;
        const folded = expression.dtype === 'int32' ? foldedIndex(expression.fn, args) : null;
        if (folded !== null) return { ...folded, scope: this.#scopeOf(expression, at) };
        // WGSL refuses constant expressions that overflow; a variable is none.
        const operand = (arg: Value): string =>
          args.every((other) => isLiteral(other.text)) ? this.#variable(arg) : arg.text;
        const text = spell(expression.fn, {
          args: args.map((arg) => (arg.width === width ? operand(arg) : splat(bare(arg.text), arg.kind, width))),
          width,
          dtype: expression.dtype,
          from: last.dtype,
          numbers: expression.args.map((arg) => (arg.kind === 'constant' ? Number(arg.value) : null)),
          helper: module.helper,
        });
        const simple = args.some((arg) => arg.text === text && arg.simple);
        return { text, kind, width, scope: this.#scopeOf(expression, at), simple };
      }
      default: {
        const never: never = expression;
        return never;
      }
    }
  }

  #load(load: Load, at: Point): Value {
    const elements = this.module.elements(load.slot);
    const kind = kindOf(load.dtype);
    const scope = this.#scopeOf(load, at);
    const row = this.#isRow(load, at);
    const inline = !row && elements.view === 'scalar' && mayInline(elements);
    const found = this.#known(load.index, row ? at.first : at) as Value;
    const index = found.simple || (inline && found.width === 1) ? found : this.#name(found, 'index');
    const otherwise = constantText(load.otherwise, load.dtype, (name) => this.module.helper(name));
    // WGSL refuses a number as an index that is outside, even where it is masked.
    const read = (text: string): string => {
      const isOutside = /^-?\d+$/.test(text) && !(Number(text) >= 0 && Number(text) < elements.size);
      if (isOutside) return splat(otherwise, kind, elements.view === 'vector' ? 4 : 1);
      return loadText(elements, text, this.module.helper);
    };
    const all = (texts: readonly string[]): string => `${typeName(kind, 4)}(${texts.map(read).join(', ')})`;
    const width: Width = row || index.width === 4 ? 4 : 1;
    let text: string;
    if (width === 1 || elements.view === 'vector') text = read(index.text);
    else if (row) text = all(lanes.map((_, i) => plus(index.text, i)));
    else text = all(lanes.map((lane) => `${index.text}.${lane}`));
    if (load.mask === null) return { text, kind, width, scope, simple: false };
    const mask = this.#known(load.mask, at) as Value;
    const wide: Width = mask.width === 4 ? 4 : width;
    const loaded = wide === width ? text : splat(text, kind, wide);
    const chosen = `select(${splat(otherwise, kind, wide)}, ${loaded}, ${bare(mask.text)})`;
    return { text: chosen, kind, width: wide, scope, simple: false };
  }

  /** Gives the value a name unless it is used once, here, and short. */
  #remember(expression: Expression, at: Point, value: Value): void {
    const once = (this.#uses.get(expression) ?? 0) <= 1;
    const here = value.scope === this.module.writer.scope;
    const inline = value.simple || (once && here && value.text.length <= longestInline);
    const stem = expression.kind === 'apply' ? expression.fn : expression.kind;
    const kept = inline ? value : this.#name(value, stem);
    let values = this.#values.get(expression);
    if (values === undefined) {
      values = new Map();
      this.#values.set(expression, values);
    }
    values.set(this.#key(expression, at), kept);
  }

  #known(expression: Expression, at: Point): Value | null {
    const value = this.#values.get(expression)?.get(this.#key(expression, at));
    if (value === undefined) return null;
    for (let scope: Scope | null = this.module.writer.scope; scope !== null; scope = scope.parent) {
      if (scope === value.scope) return value;
    }
    return null;
  }

  #name(value: Value, stem: string): Value {
    const name = this.module.writer.name(stem === 'load' ? 'x' : stem);
    value.scope.lines.push(`let ${name} = ${bare(value.text)};`);
    return { ...value, text: name, simple: true };
  }

  #variable(value: Value): string {
    const name = this.module.writer.name('known');
    value.scope.lines.push(`var ${name}: ${value.kind} = ${value.text};`);
    return name;
  }

  /** The outermost open scope that knows all that a value depends on. */
  #scopeOf(expression: Expression, at: Point): Scope {
    const { axes, results } = this.#dependencies.of(expression);
    let scope = this.module.writer.root;
    for (const axis of axes) scope = deeper(scope, (at.coordinates.get(axis) as Coordinate).scope);
    for (const id of results) scope = deeper(scope, (at.results.get(id) as Value).scope);
    return scope;
  }

  #key(expression: Expression, at: Point): string {
    const dependencies = this.#dependencies.of(expression);
    let key = at.keys.get(dependencies);
    if (key === undefined) {
      const { axes, results } = dependencies;
      const positions = axes.map(
        (axis) => `${at.lane?.axis === axis ? `${at.lane.count}x` : ''}${at.coordinates.get(axis)?.text}`,
      );
      key = [...positions, ...results.map((id) => at.results.get(id)?.text)].join();
      at.keys.set(dependencies, key);
    }
    return dependencies.written ? `${key} ${this.#phase}` : key;
  }
}

function deeper(a: Scope, b: Scope): Scope {
  return b.depth > a.depth ? b : a;
}
