/**
 * A device that interprets programs in plain JavaScript, by the words of the contract and strictly: an index outside of its slot, an element
 * that two points write, a value that one point reads and another writes, too many buffers, all throw. Owns no speed.
 */
import {
  type Bindings,
  bfloat16ToNumber,
  type Capabilities,
  type Claim,
  type Compiled,
  type Device,
  type DeviceBuffer,
  type DType,
  dtypeNames,
  dtypes,
  type Expression,
  float16ToNumber,
  type HostArray,
  type Kernel,
  type LoopKernel,
  type MatmulCandidate,
  type MatmulKernel,
  numberToBfloat16,
  numberToFloat16,
  postorder,
  type Program,
  type ScatterKernel,
  type Span,
  type Store,
} from '@torchlet/device';
import { type Element, elementOf, rangeOf, scalarMeanings } from '@torchlet/graph';

class Memory implements DeviceBuffer {
  readonly bytes: number;
  readonly label: string;
  readonly data: ArrayBuffer;
  constructor(bytes: number, label: string) {
    this.bytes = bytes;
    this.label = label;
    this.data = new ArrayBuffer(Math.ceil(bytes / 8) * 8);
  }
}

export interface InterpreterOptions {
  readonly capabilities?: Partial<Capabilities>;
  readonly claim?: (candidate: MatmulCandidate) => Claim | null;
}

export class Interpreter implements Device {
  readonly name = 'interpreter';
  readonly capabilities: Capabilities;
  readonly lost = new Promise<never>(() => undefined);
  readonly claim?: (candidate: MatmulCandidate) => Claim | null;
  compiled = 0;
  disposed = 0;

  constructor(options: InterpreterOptions = {}) {
    const storedBytes = Object.fromEntries(dtypeNames.map((name) => [name, dtypes[name].bytes])) as Record<
      DType,
      number
    >;
    this.capabilities = {
      storedBytes,
      buffersPerKernel: 64,
      bufferBytes: 2 ** 30,
      bindingBytes: 2 ** 30,
      alignment: 64,
      ownedBytes: 1,
      ...options.capabilities,
    };
    if (options.claim !== undefined) this.claim = options.claim;
  }

  allocate(bytes: number, label: string): DeviceBuffer {
    return new Memory(bytes, label);
  }
  free(): void {}
  write(span: Span, dtype: DType, data: HostArray): void {
    const target = dtypes[dtype].array((span.buffer as Memory).data, span.byteOffset, data.length);
    (target as Float32Array).set(data as Float32Array);
  }
  async read(span: Span, dtype: DType, size: number): Promise<HostArray> {
    return this.readNow(span, dtype, size);
  }
  readNow(span: Span, dtype: DType, size: number): HostArray {
    return dtypes[dtype].array((span.buffer as Memory).data, span.byteOffset, size).slice();
  }
  compile(program: Program): Compiled {
    this.compiled++;
    return { program, dispose: () => void this.disposed++ };
  }
  run({ program }: Compiled, bindings: Bindings): { done: null } {
    const arena = program.arena.map((bytes, i) => new Memory(bytes, `arena ${i}`));
    const slots = program.slots.map((slot) => {
      switch (slot.kind) {
        case 'buffer': {
          const { buffer, byteOffset } = bindings.buffers[slot.index] as Span;
          return dtypes[slot.dtype].array((buffer as Memory).data, byteOffset, slot.size);
        }
        case 'host':
          return (bindings.hostInputs[slot.index] as HostArray).slice();
        case 'arena': {
          const segment = arena[slot.segment] as Memory;
          if (slot.offset + slot.size * dtypes[slot.dtype].bytes > segment.bytes)
            throw new RangeError('outside the arena');
          return dtypes[slot.dtype].array(segment.data, slot.offset, slot.size);
        }
        default: {
          const never: never = slot;
          return never;
        }
      }
    });
    for (const kernel of program.kernels) new Run(program, slots, bindings.scalars, this.capabilities).kernel(kernel);
    return { done: null };
  }
  async synchronize(): Promise<void> {}
  memory() {
    return { allocated: 0, reserved: 0, peak: 0, buffers: 0, created: 0 };
  }
  dispose(): void {}
}

class Run {
  readonly program: Program;
  readonly slots: readonly HostArray[];
  readonly scalars: readonly (number | bigint)[];
  readonly capabilities: Capabilities;
  /** Which point read or wrote an element, to find points that meet. */
  readonly wrote = new Map<string, string>();
  readonly read = new Map<string, string>();
  results: Element[] = [];

  constructor(
    program: Program,
    slots: readonly HostArray[],
    scalars: readonly (number | bigint)[],
    capabilities: Capabilities,
  ) {
    this.program = program;
    this.slots = slots;
    this.scalars = scalars;
    this.capabilities = capabilities;
  }

  kernel(kernel: Kernel): void {
    const touched = slotsOf(kernel).size;
    if (touched > this.capabilities.buffersPerKernel) throw new Error(`${kernel.name} touches ${touched} buffers`);
    switch (kernel.kind) {
      case 'loop':
        return this.loop(kernel);
      case 'matmul':
        return this.matmul(kernel);
      case 'scatter':
        return this.scatter(kernel);
      case 'custom':
        throw new Error('custom kernels are not interpreted');
      default: {
        const never: never = kernel;
        return never;
      }
    }
  }

  loop(kernel: LoopKernel): void {
    eachPoint(kernel.axes, (point) => {
      this.results = [];
      for (const phase of kernel.phases) {
        const sums = phase.reductions.map(({ combine, dtype }): Element => {
          if (combine === 'sum') return elementOf(0, dtype);
          return combine === 'prod' ? elementOf(1, dtype) : rangeOf(dtype).least;
        });
        eachPoint(phase.lengths, (inner) => {
          const at = [...point, ...inner];
          const known = new Map<Expression, Element>();
          phase.reductions.forEach(({ combine, dtype, of }, i) => {
            const fn = combine === 'sum' ? 'add' : combine === 'prod' ? 'mul' : 'max';
            const next = this.value(of, at, point, known);
            sums[i] = round(scalarMeanings[fn]([sums[i] as Element, next], dtype, dtype), dtype);
          });
          for (const store of phase.stores) this.store(store, at, point, known);
        });
        phase.reductions.forEach(({ id }, i) => {
          this.results[id] = sums[i] as Element;
        });
      }
    });
  }

  matmul(kernel: MatmulKernel): void {
    const { dtype } = kernel;
    eachPoint([...kernel.batch, kernel.m, kernel.n], (point) => {
      let sum = elementOf(0, dtype);
      for (let k = 0; k < kernel.k; k++) {
        const at = [...point, k];
        const known = new Map<Expression, Element>();
        const pair = [this.value(kernel.a, at, null, known), this.value(kernel.b, at, null, known)];
        sum = scalarMeanings.add([sum, scalarMeanings.mul(pair, dtype, dtype)], dtype, dtype);
      }
      this.results = [];
      this.results[kernel.result] = round(sum, dtype);
      const known = new Map<Expression, Element>();
      for (const store of kernel.stores) this.store(store, point, point, known);
    });
  }

  scatter(kernel: ScatterKernel): void {
    const { dtype } = this.program.slots[kernel.slot] as Program['slots'][number];
    eachPoint(kernel.axes, (point) => {
      const known = new Map<Expression, Element>();
      const index = Number(this.value(kernel.index, point, null, known));
      if (index < 0 || index >= kernel.length) return;
      let offset = kernel.offset;
      kernel.strides.forEach((stride, axis) => {
        offset += stride * (axis === kernel.axis ? index : (point[axis] as number));
      });
      const old = this.load(kernel.slot, offset);
      this.put(
        kernel.slot,
        offset,
        scalarMeanings.add([old, this.value(kernel.value, point, null, known)], dtype, dtype),
      );
    });
  }

  store(
    { slot, index, value, mask }: Store,
    at: readonly number[],
    point: readonly number[],
    known: Map<Expression, Element>,
  ) {
    if (mask !== null && this.value(mask, at, point, known) === 0) return;
    const offset = Number(this.value(index, at, point, known));
    const result = this.value(value, at, point, known);
    const key = `${slot}:${offset}`;
    const where = at.join(',');
    const before = this.wrote.get(key);
    if (before !== undefined) throw new Error(`points ${before} and ${where} both write ${key}`);
    const reader = this.read.get(key);
    if (reader !== undefined && reader !== point.join(','))
      throw new Error(`${reader} reads ${key}, which ${where} writes`);
    this.wrote.set(key, where);
    this.put(slot, offset, result);
  }

  /** `point`: who reads; null for the operands of a product, which every point reads. */
  value(
    root: Expression,
    at: readonly number[],
    point: readonly number[] | null,
    known: Map<Expression, Element>,
  ): Element {
    const found = known.get(root);
    if (found !== undefined) return found;
    const result = this.compute(root, at, point, known);
    known.set(root, result);
    return result;
  }

  compute(
    e: Expression,
    at: readonly number[],
    point: readonly number[] | null,
    known: Map<Expression, Element>,
  ): Element {
    switch (e.kind) {
      case 'constant':
        return round(elementOf(e.value, e.dtype), e.dtype);
      case 'axis':
        if (at[e.axis] === undefined) throw new Error(`axis ${e.axis} is not one of the kernel's`);
        return at[e.axis] as number;
      case 'scalar':
        return round(elementOf(this.scalars[e.slot] as number, e.dtype), e.dtype);
      case 'result': {
        const result = this.results[e.id];
        if (result === undefined) throw new Error(`result ${e.id} is read before its phase`);
        return result;
      }
      case 'load': {
        if (e.mask !== null && this.value(e.mask, at, point, known) === 0)
          return round(elementOf(e.otherwise, e.dtype), e.dtype);
        const offset = Number(this.value(e.index, at, point, known));
        const key = `${e.slot}:${offset}`;
        const reader = point === null ? 'operand' : point.join(',');
        const other = this.read.get(key);
        this.read.set(key, other === undefined || other === reader ? reader : 'several points');
        const writer = this.wrote.get(key);
        if (writer !== undefined && writer !== at.join(','))
          throw new Error(`${at.join(',')} reads ${key}, which ${writer} wrote`);
        return this.load(e.slot, offset);
      }
      case 'apply': {
        if (e.fn === 'where') {
          const [c, x, y] = e.args as [Expression, Expression, Expression];
          return this.value(this.value(c, at, point, known) === 0 ? y : x, at, point, known);
        }
        const args = e.args.map((arg) => this.value(arg, at, point, known));
        return round(scalarMeanings[e.fn](args, e.dtype, (e.args.at(-1) as Expression).dtype), e.dtype);
      }
      default: {
        const never: never = e;
        return never;
      }
    }
  }

  load(slot: number, offset: number): Element {
    const data = this.slots[slot] as HostArray;
    const { dtype } = this.program.slots[slot] as Program['slots'][number];
    const element = data[offset];
    if (element === undefined)
      throw new RangeError(`load of element ${offset} of slot ${slot}, which has ${data.length}`);
    if (dtype === 'float16') return float16ToNumber(Number(element));
    return dtype === 'bfloat16' ? bfloat16ToNumber(Number(element)) : element;
  }

  put(slot: number, offset: number, value: Element): void {
    const data = this.slots[slot] as HostArray;
    const { dtype } = this.program.slots[slot] as Program['slots'][number];
    if (!(offset >= 0 && offset < data.length)) throw new RangeError(`store to element ${offset} of slot ${slot}`);
    if (dtype === 'float16') data[offset] = numberToFloat16(Number(value));
    else if (dtype === 'bfloat16') data[offset] = numberToBfloat16(Number(value));
    else data[offset] = value as never;
  }
}

function round(value: Element, dtype: DType): Element {
  if (typeof value === 'bigint') return value;
  if (dtype === 'float32') return Math.fround(value);
  if (dtype === 'float16') return float16ToNumber(numberToFloat16(value));
  return dtype === 'bfloat16' ? bfloat16ToNumber(numberToBfloat16(value)) : value;
}

function eachPoint(lengths: readonly number[], visit: (point: readonly number[]) => void): void {
  const point = lengths.map(() => 0);
  if (lengths.some((length) => length === 0)) return;
  for (;;) {
    visit(point);
    let axis = lengths.length - 1;
    for (; axis >= 0; axis--) {
      point[axis] = (point[axis] as number) + 1;
      if ((point[axis] as number) < (lengths[axis] as number)) break;
      point[axis] = 0;
    }
    if (axis < 0) return;
  }
}

/** Every slot that a kernel names. */
export function slotsOf(kernel: Kernel): Set<number> {
  const found = new Set<number>();
  const roots: Expression[] = [];
  const stores = (list: readonly Store[]) => {
    for (const { slot, index, value, mask } of list) {
      found.add(slot);
      roots.push(index, value, ...(mask === null ? [] : [mask]));
    }
  };
  if (kernel.kind === 'loop') {
    for (const phase of kernel.phases) {
      stores(phase.stores);
      roots.push(...phase.reductions.map(({ of }) => of));
    }
  } else if (kernel.kind === 'matmul') {
    stores(kernel.stores);
    roots.push(kernel.a, kernel.b);
  } else if (kernel.kind === 'scatter') {
    found.add(kernel.slot);
    roots.push(kernel.index, kernel.value);
  }
  for (const expression of postorder(roots)) if (expression.kind === 'load') found.add(expression.slot);
  return found;
}
