/**
 * The contract between Torchlet and a device. A plug-in package exports an opener that gives a `Device`; nothing else of Torchlet
 * knows how it works. Owns interfaces and errors only. Several devices may be open at once: nothing here is module-level state.
 * `@torchlet/conformance` proves an implementation.
 */
import type { DType, HostArray } from './dtype.js';
import type { Expression } from './expression.js';
import type { Program } from './program.js';

/** What the scheduler asks before it fuses and plans. */
export interface Capabilities {
  /** Bytes of one stored element (int64 may be 4); 0 where the dtype is not supported. */
  readonly storedBytes: Readonly<Record<DType, number>>;
  /** Distinct slots one kernel may touch. */
  readonly buffersPerKernel: number;
  /** Largest buffer, and largest part of one that a kernel may see, in bytes. */
  readonly bufferBytes: number;
  readonly bindingBytes: number;
  /** Slots in an arena segment and spans of a buffer start at multiples of this, in bytes. */
  readonly alignment: number;
  /** Elements narrower than this many bytes must not be written by two kernels' points in one word (4 on WebGPU, 1 elsewhere). */
  readonly ownedBytes: number;
}

/** Device memory owned by whoever allocated it, until `free`. */
export interface DeviceBuffer {
  readonly bytes: number;
  readonly label: string;
  /** True where it turned out later that there is no memory behind it: it can only be freed. */
  readonly failed?: boolean;
}

/** A part of a buffer from `byteOffset` on. */
export interface Span {
  readonly buffer: DeviceBuffer;
  readonly byteOffset: number;
}

/** What a run needs, in the order of the program's slots and scalars. Host inputs and scalars are copied before `run` returns. */
export interface Bindings {
  readonly buffers: readonly Span[];
  readonly hostInputs: readonly HostArray[];
  readonly scalars: readonly (number | bigint)[];
}

/** A program that the device has made its own. */
export interface Compiled {
  readonly program: Program;
  /** Present while the device still prepares (pipelines); a run before that queues. */
  readonly ready?: Promise<void>;
  /** Lets go of generated code. Idempotent. */
  dispose(): void;
}

/** One submission. */
export interface Ticket {
  /** Null where the work was complete when `run` returned. Rejects with the `DeviceError` of the run. */
  readonly done: Promise<void> | null;
}

export interface MemoryReport {
  /** Bytes of live buffers, arena and generated data included. */
  readonly allocated: number;
  /** Bytes taken from the system. */
  readonly reserved: number;
  /** Highest `allocated` so far. */
  readonly peak: number;
  /** Live buffers. */
  readonly buffers: number;
  /** Buffers ever created. */
  readonly created: number;
}

export interface KernelTime {
  readonly program: string;
  readonly kernel: string;
  readonly runs: number;
  readonly milliseconds: number;
}

/** A matrix product as a library would see it. */
export interface MatmulCandidate {
  readonly dtype: DType;
  readonly batch: readonly number[];
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly a: Expression;
  readonly b: Expression;
}

/** A device's promise to compute a kernel with a library. */
export interface Claim {
  readonly library: string;
  readonly workspaceBytes: number;
  /** Whether the library can also compute this epilogue of result `result`. */
  epilogue(value: Expression, result: number): boolean;
}

/**
 * Tells which objects the engine has collected, also while a task runs; `WeakRef` and `FinalizationRegistry` tell between tasks alone, so that a loop which
 * never awaits would keep the memory of all that it dropped.
 */
export interface Lifetimes {
  /** A number for `target`, which is not kept alive by it. */
  watch(target: object): number;
  /** The object of a number, while it exists. */
  find(watch: number): object | undefined;
  /** The numbers of objects that were collected, each told once: they may be given to others from now on. Cheap where no collection has run. */
  ended(): Iterable<number>;
}

export interface DeviceLoss {
  readonly reason: 'disposed' | 'lost';
  readonly message: string;
}

/**
 * A device that someone opened. Calls are ordered: a `read` sees every `run` and `write` before it. No call but `read` and `synchronize` waits.
 */
export interface Device {
  /** As users write it: `cpu`, `webgpu`, `cuda:0`. */
  readonly name: string;
  readonly capabilities: Capabilities;
  readonly lost: Promise<DeviceLoss>;

  /** Zero-filled memory. @throws OutOfMemoryError */
  allocate(bytes: number, label: string): DeviceBuffer;
  /** Idempotent. Work already submitted may still use the memory. */
  free(buffer: DeviceBuffer): void;
  /** Copies `data` into the buffer before it returns. int64 data is narrowed where the device stores 4 bytes. @throws RangeError where a value does not fit. */
  write(span: Span, dtype: DType, data: HostArray): void;
  /** The `size` elements at `span`, in fresh host memory. */
  read(span: Span, dtype: DType, size: number): Promise<HostArray>;
  /** The same without a promise, only on devices whose memory the host can address. */
  readNow?(span: Span, dtype: DType, size: number): HostArray;

  compile(program: Program): Compiled;
  /** One submission of every kernel. @throws DeviceError before anything ran. */
  run(compiled: Compiled, bindings: Bindings): Ticket;
  /** Resolves when all submitted work is complete. */
  synchronize(): Promise<void>;

  /** Asked before fusion and arena planning; null where the device generates the kernel itself. */
  claim?(candidate: MatmulCandidate): Claim | null;
  /** Runs `fn` and tells what each kernel took while it ran. */
  profile?(fn: () => void | Promise<void>): Promise<readonly KernelTime[]>;

  memory(): MemoryReport;
  /** A full garbage collection of the host, where the platform lets a plug-in ask for one: dropped tensors then give their memory back. */
  collectGarbage?(): void;
  /** Where the plug-in can ask the engine. */
  readonly lifetimes?: Lifetimes;
  /** Frees everything. Idempotent; later calls throw. */
  dispose(): void;
}

/** A fault of a device: which program and kernel, why, and whether the device is still usable. */
export class DeviceError extends Error {
  override readonly name: string = 'DeviceError';
  readonly device: string;
  readonly program: string | null;
  readonly kernel: string | null;
  /** True where every later call will fail too; open a new device. */
  readonly sticky: boolean;
  constructor(
    message: string,
    where: {
      device: string;
      program?: string | null;
      kernel?: string | null;
      sticky?: boolean;
      cause?: unknown;
    },
  ) {
    super(message, where.cause === undefined ? undefined : { cause: where.cause });
    this.device = where.device;
    this.program = where.program ?? null;
    this.kernel = where.kernel ?? null;
    this.sticky = where.sticky ?? false;
  }
}

/** Memory that could not be had. The device stays usable. */
export class OutOfMemoryError extends DeviceError {
  override readonly name: string = 'OutOfMemoryError';
  readonly requested: number;
  readonly budget: number;
  readonly allocated: number;
  /** @param budget Infinity where only the hardware sets one. @param where the program that asked, and what for. */
  constructor(
    device: string,
    requested: number,
    budget: number,
    allocated: number,
    largest: readonly string[],
    where: { readonly program?: string | null; readonly label?: string; readonly cause?: unknown } = {},
  ) {
    const { program = null, label, cause } = where;
    const used = budget === Infinity ? `${allocated} bytes` : `${allocated} of ${budget} bytes`;
    super(
      `${device}: ${program === null ? '' : `program ${program}: `}out of memory: ${requested} bytes were asked for` +
        `${label === undefined ? '' : ` (${label})`}, ${used} are in use` +
        (largest.length > 0 ? `; the largest: ${largest.join(', ')}` : ''),
      { device, program, cause },
    );
    this.requested = requested;
    this.budget = budget;
    this.allocated = allocated;
  }
}
