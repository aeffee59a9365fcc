/**
 * A device that interprets kernels one element at a time, by the meaning of each scalar function and nothing else: slow, plain, and good for testing the
 * suites. `faults` break it on purpose, so that a test can see which suites notice. The real devices are elsewhere.
 */
import {
  type Bindings,
  bfloat16ToNumber,
  type Capabilities,
  type Compiled,
  type Device,
  DeviceError,
  type DeviceLoss,
  type DType,
  dtypeNames,
  dtypes,
  type Expression,
  float16ToNumber,
  type HostArray,
  type Kernel,
  numberToBfloat16,
  numberToFloat16,
  type Opener,
  OutOfMemoryError,
  type Phase,
  type Program,
  type ScalarFunction,
  type Slot,
  type Span,
  type Store,
} from '@torchlet/device';
import { type Element, elementOf, rangeOf, scalarMeanings } from '@torchlet/graph';

/** Replaces what a scalar function gives. */
export type Faults = Partial<Record<ScalarFunction, (args: readonly Element[]) => Element>>;

const capabilities: Capabilities = {
  storedBytes: Object.fromEntries(dtypeNames.map((name) => [name, dtypes[name].bytes])) as Record<DType, number>,
  buffersPerKernel: 64,
  bufferBytes: 2 ** 30,
  bindingBytes: 2 ** 30,
  alignment: 16,
  ownedBytes: 1,
};

interface Memory {
  readonly bytes: number;
  readonly label: string;
  data: ArrayBuffer;
}

/** One run: the arrays of the slots and the runtime scalars. */
interface Run {
  readonly arrays: readonly HostArray[];
  readonly slots: readonly Slot[];
  readonly scalars: readonly (number | bigint)[];
  readonly index: number[];
  /** Raised at every point, so that what several expressions share is computed once there. */
  point: number;
  readonly results: Element[];
}

type Evaluator = (run: Run) => Element;

export function interpreter(faults: Faults = {}, limits: Partial<Capabilities> = {}): Opener {
  const open = (): Device => new Interpreter(faults, { ...capabilities, ...limits });
  return { name: 'interpreter', open: async () => open(), openNow: open } as Opener;
}

class Interpreter implements Device {
  readonly name = 'interpreter';
  readonly capabilities: Capabilities;
  readonly lost: Promise<DeviceLoss>;
  readonly #faults: Faults;
  readonly #live = new Set<Memory>();
  #lose: (loss: DeviceLoss) => void = () => undefined;
  #disposed = false;
  #created = 0;
  #peak = 0;
  #arena: ArrayBuffer[] = [];

  constructor(faults: Faults, limits: Capabilities) {
    this.capabilities = limits;
    this.#faults = faults;
    this.lost = new Promise((resolve) => {
      this.#lose = resolve;
    });
  }

  #check(): void {
    if (this.#disposed)
      throw new DeviceError('interpreter: the device was disposed', { device: this.name, sticky: true });
  }

  allocate(bytes: number, label: string): Memory {
    this.#check();
    if (bytes > this.capabilities.bufferBytes) {
      throw new OutOfMemoryError(this.name, bytes, this.capabilities.bufferBytes, this.memory().allocated, []);
    }
    const memory = { bytes, label, data: new ArrayBuffer(bytes) };
    this.#live.add(memory);
    this.#created++;
    this.#peak = Math.max(this.#peak, this.memory().allocated);
    return memory;
  }

  free(buffer: Memory): void {
    this.#live.delete(buffer);
  }

  write({ buffer, byteOffset }: Span, dtype: DType, data: HostArray): void {
    this.#check();
    viewOf((buffer as Memory).data, dtype, byteOffset, data.length).set(data as never);
  }

  async read(span: Span, dtype: DType, size: number): Promise<HostArray> {
    return this.readNow(span, dtype, size);
  }

  readNow({ buffer, byteOffset }: Span, dtype: DType, size: number): HostArray {
    this.#check();
    return viewOf((buffer as Memory).data, dtype, byteOffset, size).slice();
  }

  compile(program: Program): Compiled {
    this.#check();
    for (const kernel of program.kernels) {
      if (kernel.kind !== 'custom') continue;
      throw new DeviceError(`${program.name}: ${kernel.name} has no text for an interpreter`, {
        device: this.name,
        program: program.name,
        kernel: kernel.name,
      });
    }
    return { program, dispose: () => undefined };
  }

  run({ program }: Compiled, bindings: Bindings): { done: null } {
    this.#check();
    this.#checkBindings(program, bindings);
    for (const [segment, bytes] of program.arena.entries()) {
      if ((this.#arena[segment]?.byteLength ?? 0) < bytes) this.#arena[segment] = new ArrayBuffer(bytes);
    }
    this.#peak = Math.max(this.#peak, this.memory().allocated);
    const arrays = program.slots.map((slot) => this.#arrayOf(slot, bindings));
    const run = { arrays, slots: program.slots, scalars: bindings.scalars, index: [], results: [], point: 0 };
    for (const kernel of program.kernels) runKernel(kernel, run, this.#faults);
    return { done: null };
  }

  #checkBindings(program: Program, { buffers, hostInputs, scalars }: Bindings): void {
    const refuse = (what: string): never => {
      throw new DeviceError(`${program.name}: ${what}`, { device: this.name, program: program.name });
    };
    const wanted = { buffer: 0, host: 0, arena: 0 };
    for (const slot of program.slots) {
      wanted[slot.kind]++;
      if (slot.kind !== 'buffer') continue;
      const span = buffers[slot.index];
      if (span === undefined) return refuse(`buffer ${slot.index} is missing`);
      const bytes = span.byteOffset + slot.size * dtypes[slot.dtype].bytes;
      if (bytes > span.buffer.bytes) refuse(`buffer ${slot.index} is smaller than ${bytes} bytes`);
    }
    if (buffers.length !== wanted.buffer) refuse(`expected ${wanted.buffer} buffers, got ${buffers.length}`);
    if (hostInputs.length !== wanted.host) refuse(`expected ${wanted.host} host inputs, got ${hostInputs.length}`);
    if (scalars.length !== program.scalars.length) refuse(`expected ${program.scalars.length} scalars`);
  }

  #arrayOf(slot: Slot, { buffers, hostInputs }: Bindings): HostArray {
    if (slot.kind === 'host') return (hostInputs[slot.index] as HostArray).slice();
    if (slot.kind === 'arena')
      return viewOf(this.#arena[slot.segment] as ArrayBuffer, slot.dtype, slot.offset, slot.size);
    const { buffer, byteOffset } = buffers[slot.index] as Span;
    return viewOf((buffer as Memory).data, slot.dtype, byteOffset, slot.size);
  }

  async synchronize(): Promise<void> {
    this.#check();
  }

  memory(): ReturnType<Device['memory']> {
    let allocated = this.#arena.reduce((sum, { byteLength }) => sum + byteLength, 0);
    for (const { bytes } of this.#live) allocated += bytes;
    return { allocated, reserved: allocated, peak: this.#peak, buffers: this.#live.size, created: this.#created };
  }

  dispose(): void {
    this.#disposed = true;
    this.#live.clear();
    this.#lose({ reason: 'disposed', message: 'disposed' });
  }
}

function viewOf(memory: ArrayBuffer, dtype: DType, byteOffset: number, size: number): HostArray {
  return dtypes[dtype].array(memory, byteOffset, size);
}

/** An element as its dtype stores it, and back. */
function rounded(value: Element, dtype: DType): Element {
  if (dtype === 'float32') return Math.fround(value as number);
  if (dtype === 'float16') return float16ToNumber(numberToFloat16(value as number));
  if (dtype === 'bfloat16') return bfloat16ToNumber(numberToBfloat16(value as number));
  return value;
}

function elementAt(array: HostArray, i: number, dtype: DType, slot: number): Element {
  const raw = array[i];
  if (raw === undefined) throw new RangeError(`slot ${slot}: element ${i} is outside of ${array.length}`);
  if (dtype === 'float16') return float16ToNumber(raw as number);
  return dtype === 'bfloat16' ? bfloat16ToNumber(raw as number) : raw;
}

function store(array: HostArray, i: number, dtype: DType, value: Element, slot: number): void {
  if (i < 0 || i >= array.length) throw new RangeError(`slot ${slot}: a store to ${i} is outside of ${array.length}`);
  if (dtype === 'float16') (array as Uint16Array)[i] = numberToFloat16(value as number);
  else if (dtype === 'bfloat16') (array as Uint16Array)[i] = numberToBfloat16(value as number);
  else (array as (number | bigint)[] & HostArray)[i] = value as never;
}

/** Expressions as closures, each made once for a kernel. */
class Evaluators {
  readonly #made = new Map<Expression, Evaluator>();
  readonly #faults: Faults;

  constructor(faults: Faults) {
    this.#faults = faults;
  }

  of(expression: Expression): Evaluator {
    const known = this.#made.get(expression);
    if (known !== undefined) return known;
    const made = this.#make(expression);
    this.#made.set(expression, made);
    return made;
  }

  #make(expression: Expression): Evaluator {
    switch (expression.kind) {
      case 'constant': {
        const value = rounded(elementOf(expression.value, expression.dtype), expression.dtype);
        return () => value;
      }
      case 'axis':
        return ({ index }) => index[expression.axis] as number;
      case 'scalar':
        return ({ scalars }) =>
          rounded(elementOf(scalars[expression.slot] as number, expression.dtype), expression.dtype);
      case 'result':
        return ({ results }) => results[expression.id] as Element;
      case 'load': {
        const { slot, dtype } = expression;
        const index = this.of(expression.index);
        const mask = expression.mask === null ? null : this.of(expression.mask);
        const otherwise = elementOf(expression.otherwise, dtype);
        return (run) => {
          if (mask !== null && mask(run) === 0) return otherwise;
          return elementAt(run.arrays[slot] as HostArray, index(run) as number, dtype, slot);
        };
      }
      case 'apply': {
        const { fn, dtype } = expression;
        const args = expression.args.map((arg) => this.of(arg));
        const from = expression.args[expression.args.length - 1]?.dtype ?? dtype;
        const fault = this.#faults[fn];
        const meaning = scalarMeanings[fn];
        const compute = (values: readonly Element[]): Element =>
          rounded(fault === undefined ? meaning(values, dtype, from) : fault(values), dtype);
        let computedAt = -1;
        let value: Element = 0;
        return (run) => {
          if (computedAt !== run.point) value = compute(args.map((arg) => arg(run)));
          computedAt = run.point;
          return value;
        };
      }
      default: {
        const never: never = expression;
        return never;
      }
    }
  }
}

/** Calls `body` for every point of `lengths`, written into `run.index` from `first` on. */
function forEach(run: Run, first: number, lengths: readonly number[], body: () => void): void {
  const [length, ...rest] = lengths;
  if (length === undefined) {
    run.point++;
    return body();
  }
  for (let i = 0; i < length; i++) {
    run.index[first] = i;
    forEach(run, first + 1, rest, body);
  }
}

function runKernel(kernel: Kernel, run: Run, faults: Faults): void {
  const evaluators = new Evaluators(faults);
  switch (kernel.kind) {
    case 'loop':
      forEach(run, 0, kernel.axes, () => {
        for (const phase of kernel.phases) runPhase(phase, kernel.axes.length, run, evaluators);
      });
      return;
    case 'matmul': {
      const outer = [...kernel.batch, kernel.m, kernel.n];
      const a = evaluators.of(kernel.a);
      const b = evaluators.of(kernel.b);
      forEach(run, 0, outer, () => {
        let sum: Element = kernel.dtype === 'int64' ? 0n : 0;
        forEach(run, outer.length, [kernel.k], () => {
          const [x, y] = [a(run), b(run)];
          sum = typeof sum === 'bigint' ? sum + (x as bigint) * (y as bigint) : sum + (x as number) * (y as number);
        });
        run.results[kernel.result] = rounded(elementOf(sum, kernel.dtype), kernel.dtype);
        run.point++;
        for (const each of kernel.stores) runStore(each, run, evaluators);
      });
      return;
    }
    case 'scatter': {
      const index = evaluators.of(kernel.index);
      const value = evaluators.of(kernel.value);
      const { slot } = kernel;
      const { dtype } = run.slots[slot] as Slot;
      const array = run.arrays[slot] as HostArray;
      forEach(run, 0, kernel.axes, () => {
        const place = Number(index(run));
        if (place < 0 || place >= kernel.length) return;
        const at = kernel.axes.reduce(
          (sum, _, i) => sum + (i === kernel.axis ? place : (run.index[i] as number)) * (kernel.strides[i] as number),
          kernel.offset,
        );
        const sum = scalarMeanings.add([elementAt(array, at, dtype, slot), value(run)], dtype, dtype);
        store(array, at, dtype, rounded(sum, dtype), slot);
      });
      return;
    }
    case 'custom':
      throw new Error(`${kernel.name}: a custom kernel was not refused when it was compiled`);
    default: {
      const never: never = kernel;
      return never;
    }
  }
}

function runPhase({ lengths, reductions, stores }: Phase, first: number, run: Run, evaluators: Evaluators): void {
  const totals = reductions.map(({ combine, dtype }): Element => {
    if (combine === 'max') return rangeOf(dtype).least;
    return elementOf(combine === 'sum' ? 0 : 1, dtype);
  });
  const functions = { sum: 'add', max: 'max', prod: 'mul' } as const;
  forEach(run, first, lengths, () => {
    for (const [i, { combine, dtype, of }] of reductions.entries()) {
      totals[i] = scalarMeanings[functions[combine]]([totals[i] as Element, evaluators.of(of)(run)], dtype, dtype);
    }
    for (const each of stores) runStore(each, run, evaluators);
  });
  for (const [i, { id, dtype }] of reductions.entries()) run.results[id] = rounded(totals[i] as Element, dtype);
}

function runStore({ slot, index, value, mask }: Store, run: Run, evaluators: Evaluators): void {
  if (mask !== null && evaluators.of(mask)(run) === 0) return;
  const at = evaluators.of(index)(run) as number;
  store(run.arrays[slot] as HostArray, at, (run.slots[slot] as Slot).dtype, evaluators.of(value)(run), slot);
}
