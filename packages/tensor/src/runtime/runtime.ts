/**
 * One device at work: takes what is pending, has it planned, binds buffers, runs it, and marks what became real. Owns evaluation; what is
 * pending is `pending.ts`, memory is `memory.ts`, planning is `@torchlet/compiler`.
 */
import { type Plan, Planner } from '@torchlet/compiler';
import type { Device, DType, HostArray, Span } from '@torchlet/device';
import { leaf, type Node, printShape, reachable, type Shape, sizeOf } from '@torchlet/graph';
import { watching } from './capture.js';
import { type EarlyRecord, EarlyResults } from './early-results.js';
import { DeviceMemory } from './memory.js';
import { type Destination, Pending, type Reason, type RootRecord } from './pending.js';
import { renew, takeSpare } from './root-results.js';
import { StaleValueError, Storage } from './storage.js';

/** Host data that programs copied in this often becomes stored, if it is large enough to matter. */
const usesBeforeStored = 2;
const storedFromBytes = 64 * 1024;
const programsInFlight = 4;
/** Programs in flight at which a loop that never waits is told so. */
const manyInFlight = 1024;

/** What a device has done so far. */
export interface RuntimeStats {
  readonly programsRun: number;
  readonly programsCompiled: number;
  readonly cacheHits: number;
  /** Kernels of all runs. */
  readonly kernelsRun: number;
  /** Kernels of the last program. */
  readonly kernelsOfLast: number;
}

export class Runtime {
  readonly device: Device;
  readonly planner: Planner;
  readonly memory: DeviceMemory;
  readonly pending = new Pending();
  readonly #early = new EarlyResults();
  programsRun = 0;
  kernelsRun = 0;
  kernelsOfLast = 0;
  /** Of the last node that was evaluated, or the first that this device saw. */
  #lastSerial: number | null = null;
  readonly #inFlight = new Set<Promise<void>>();
  #fault: { readonly error: unknown } | null = null;
  /** Faults that a read was refused with: a run and the reads of what it computes may fail with one. */
  readonly #told = new WeakSet<object>();
  #warned = false;
  readonly #gradientStorages = new WeakMap<object, Storage>();

  constructor(device: Device) {
    this.device = device;
    this.planner = new Planner(device);
    this.memory = new DeviceMemory(device);
  }

  stats(): RuntimeStats {
    const { programsRun, kernelsRun, kernelsOfLast } = this;
    const { misses, hits } = this.planner.stats;
    return { programsRun, programsCompiled: misses, cacheHits: hits, kernelsRun, kernelsOfLast };
  }

  /**
   * Evaluates all that is pending, and `wanted`, in one program.
   *
   * @param spentBy parameters whose gradients this evaluation uses up. @param wantedAs `fixed` gives each wanted value a storage of its own.
   */
  evaluate(
    reason: Reason,
    wanted: readonly Node[] = [],
    spentBy: ReadonlySet<object> | null = null,
    wantedAs: 'held' | 'fixed' = 'held',
  ): void {
    if (wanted.length === 0 && this.pending.isEmpty) return;
    // A value that is gone is the reader's error: what else is pending must survive it.
    for (const node of reachable(wanted)) if (node.source !== null) this.checkFresh(node);
    const { nodes, destinations, owners } = this.pending.take(reason, wanted, spentBy, wantedAs);
    if (nodes.length === 0) return;
    this.#lastSerial = (nodes[nodes.length - 1] as Node).serial;
    try {
      this.#begin();
      const { plan, leaves, scalars } = this.planner.plan(nodes);
      const outputs = nodes.map((node, i) => this.#outputStorage(node, plan, i, leaves, destinations, owners));
      const buffers: Span[] = plan.buffers.map((binding) =>
        'leaf' in binding ? this.#leafSpan(leaves[binding.leaf] as Node) : spanOf(outputs[binding.output] as Storage),
      );
      const hostInputs: HostArray[] = plan.hosts.map((leaf) => this.#hostData(leaves[leaf] as Node));
      const values = plan.scalars.map((position) => (scalars[position] as Node).value);
      const ticket = this.device.run(plan.compiled, { buffers, hostInputs, scalars: values });
      if (ticket.done !== null) this.#follow(ticket.done, outputs);
      if (watching !== null) {
        const writes = [...this.pending.writes.keys()];
        watching.ran(this, { plan, leaves: [...leaves], scalars: values, nodes, outputs, destinations, writes });
      }
      this.#settle(nodes, outputs, destinations, owners);
      this.#count(plan);
    } catch (error) {
      this.pending.fail();
      throw error;
    }
  }

  /** Runs the program of `plan` once more, for a function that is not recorded again. @throws as `evaluate`. */
  rerun(
    plan: Plan,
    leaves: readonly Storage[],
    scalars: readonly (number | bigint)[],
    outputs: readonly Storage[],
  ): void {
    this.#begin();
    const buffers = plan.buffers.map((binding) =>
      'leaf' in binding ? this.#spanFor(leaves[binding.leaf] as Storage) : spanOf(outputs[binding.output] as Storage),
    );
    const hostInputs = plan.hosts.map((leaf) => this.#dataOf(leaves[leaf] as Storage));
    const ticket = this.device.run(plan.compiled, { buffers, hostInputs, scalars });
    if (ticket.done !== null) this.#follow(ticket.done, outputs);
    this.#count(plan);
  }

  /** Memory for an output of a program. @param fixed whether it has one address for good. */
  newStorage(dtype: DType, size: number, fixed: boolean, label = 'output'): Storage {
    const storage = new Storage('stored', dtype, size, null);
    storage.runtime = this;
    storage.fixed = fixed;
    if (this.memory.isSmall(storage) && !fixed) this.memory.placeSmall(storage);
    else this.memory.place(storage, label);
    return storage;
  }

  /** Before a program is put together. @throws what one before it failed with. */
  #begin(): void {
    this.#surface();
    this.memory.reclaim();
  }

  #count({ program }: Plan): void {
    this.memory.retirePages();
    this.programsRun++;
    this.kernelsOfLast = program.kernels.length;
    this.kernelsRun += this.kernelsOfLast;
  }

  /** Evaluates where more than `longest` nodes were recorded since the last evaluation, so that chains nobody reads stay short. */
  bound(node: Node, longest: number): void {
    this.#lastSerial ??= node.serial;
    if (node.serial - this.#lastSerial < longest) return;
    this.#lastSerial = node.serial;
    this.evaluate('clock');
  }

  /** The elements of a realised node, in fresh or immutable host memory. */
  async read(node: Node): Promise<HostArray> {
    this.#surface();
    this.checkFresh(node);
    const storage = node.source as Storage;
    if (storage.data !== null) return storage.data;
    const data = await this.device.read(spanOf(storage), storage.dtype, storage.size).catch((error: unknown) => {
      this.#told.add(error as object);
      if (this.#fault?.error === error) this.#fault = null;
      throw error;
    });
    await this.memory.trim();
    // The run that computes it may have failed meanwhile. What was written over it since does not matter: it was read before that.
    this.#surface();
    return data;
  }

  /** As `read`, at once. @throws TypeError on devices whose memory the host cannot address. */
  readNow(node: Node): HostArray {
    watching?.refuse('it reads a value');
    this.checkFresh(node);
    const storage = node.source as Storage;
    if (storage.data !== null) return storage.data;
    const data = this.device.readNow?.(spanOf(storage), storage.dtype, storage.size);
    if (data === undefined) {
      throw new TypeError(
        `${this.device.name}: values must be awaited here: use tensor(await x.data(), { shape: x.shape, device })`,
      );
    }
    return data;
  }

  /** A leaf of this device for host data, which is handed over. */
  hostLeaf(data: HostArray, dtype: DType, shape: Shape): Node {
    const storage = new Storage('host', dtype, data.length, data);
    storage.runtime = this;
    return leaf(storage, shape, dtype);
  }

  /** Waits while too many programs are in flight, and lets held values move to the host. */
  async settle(): Promise<void> {
    while (this.#inFlight.size >= programsInFlight) await this.#inFlight.values().next().value;
    this.#surface();
    await this.memory.trim();
  }

  /** @throws StaleValueError where the value that `node` stands for is gone. */
  checkFresh(node: Node): void {
    const storage = node.source as Storage | null;
    if (storage === null || storage.version === node.version) return;
    throw new StaleValueError(
      `this tensor of shape ${printShape(node.shape)} can no longer be read: ${storage.validity.staleBecause || 'it was changed in place'}. ` +
        'Read it before that, or hold it with keep() or clone()',
    );
  }

  /** Whether `node` is a gradient that a step used up without storing it, and that can't be computed again since what it came from has changed. */
  isLost(node: Node): boolean {
    if (node.source !== null || !node.spent) return false;
    return reachable([node]).some(({ source, version }) => source !== null && (source as Storage).version !== version);
  }

  /** The gradient of `parameter` was dropped by its owner: its memory serves the next one. */
  releaseGradient(parameter: object, gradient: Node): void {
    this.pending.dropGradient(parameter);
    const storage = gradient.source as Storage | null;
    if (storage === null || this.#gradientStorages.get(parameter) !== storage) return;
    storage.validity.outdate('it was a gradient, and zeroGrad() has dropped it');
  }

  #outputStorage(
    node: Node,
    plan: Plan,
    position: number,
    leaves: readonly Node[],
    destinations: readonly Destination[],
    owners: readonly (object | null)[],
  ): Storage {
    const output = plan.outputs[position] as Plan['outputs'][number];
    if (output.inPlaceLeaf !== null) return (leaves[output.inPlaceLeaf] as Node).source as Storage;
    const size = sizeOf(node.shape);
    const owner = owners[position] ?? null;
    const destination = destinations[position] as Destination;
    if ((destination === 'root' || destination === 'early') && size > 0) {
      const reused = takeSpare(
        destination === 'root' ? (owner as RootRecord) : (owner as EarlyRecord).root,
        node,
        size,
        leaves,
      );
      if (reused !== null) return reused;
    }
    if (destination === 'gradient' && owner !== null) {
      const previous = this.#gradientStorages.get(owner);
      if (
        previous !== undefined &&
        previous.validity.staleBecause !== '' &&
        !previous.kept &&
        previous.span !== null &&
        previous.size === size
      )
        return previous;
    }
    const fixed = destination === 'gradient' || destination === 'fixed';
    return this.newStorage(node.dtype, size, fixed, `${node.op} ${printShape(node.shape)}`);
  }

  /** Marks what became real, and takes back the results that these replace. */
  #settle(
    nodes: readonly Node[],
    outputs: readonly Storage[],
    destinations: readonly Destination[],
    owners: readonly (object | null)[],
  ): void {
    const renewed = new Set<RootRecord>();
    this.#early.release(renewed, this.memory);
    for (let i = 0; i < nodes.length; i++) {
      const node = nodes[i] as Node;
      const storage = outputs[i] as Storage;
      const owner = owners[i] ?? null;
      const destination = destinations[i] as Destination;
      switch (destination) {
        case 'write':
          storage.validity.outdate(
            'its storage has since been written in place (optimizer.step() or an in-place operation)',
          );
          break;
        case 'gradient':
          storage.validity.outdate('');
          if (owner !== null) this.#gradientStorages.set(owner, storage);
          break;
        case 'root':
          renew(owner as RootRecord, storage, renewed, this.memory);
          break;
        case 'early':
          this.#early.add(owner as EarlyRecord, storage);
          break;
        case 'held':
          this.memory.hold(storage);
          break;
        case 'fixed':
          break;
        default: {
          const never: never = destination;
          return never;
        }
      }
      node.source = storage;
      node.version = storage.version;
      if (!node.requiresGrad || node.walked === 'freed' || isLeafWrite(node)) node.cut();
    }
    this.pending.writes.clear();
  }

  #leafSpan(node: Node): Span {
    this.checkFresh(node);
    return this.#spanFor(node.source as Storage, node.shape);
  }

  #spanFor(storage: Storage, shape: Shape = [storage.size]): Span {
    if (storage.runtime === null) storage.runtime = this;
    if (storage.runtime !== this) {
      throw new TypeError(
        `expected every tensor of an operation on one device, got ${storage.runtime.device.name} and ${this.device.name}: move one with to(device)`,
      );
    }
    if (storage.span === null) {
      this.memory.place(storage, `stored ${printShape(shape)}`);
      if (storage.data !== null) this.device.write(spanOf(storage), storage.dtype, storage.data);
      storage.data = null;
    }
    return spanOf(storage);
  }

  #hostData(node: Node): HostArray {
    this.checkFresh(node);
    return this.#dataOf(node.source as Storage);
  }

  /** Host data of a leaf; data used again and again is stored from the next program on. */
  #dataOf(storage: Storage): HostArray {
    storage.uses++;
    const { data } = storage;
    if (data === null) throw new StaleValueError('this host data is gone');
    if (storage.uses >= usesBeforeStored && storage.bytes >= storedFromBytes) {
      storage.kind = 'stored';
      storage.runtime = this;
    }
    return data;
  }

  /** Waits for a run in the background. Where it fails, what it should have written is void, and the next evaluation or read says why. */
  #follow(done: Promise<void>, outputs: readonly Storage[]): void {
    const written = outputs.map(({ validity }) => validity);
    const settled: Promise<void> = done.then(
      () => this.#forget(settled),
      (error: unknown) => {
        this.#forget(settled);
        if (!this.#told.has(error as object)) this.#fault ??= { error };
        const reason = error instanceof Error ? error.message : String(error);
        for (const value of written) value.outdate(`the program that should have computed it failed (${reason})`);
      },
    );
    this.#inFlight.add(settled);
    if (this.#inFlight.size === manyInFlight && !this.#warned) this.#warn();
  }

  #forget(done: Promise<void>): void {
    this.#inFlight.delete(done);
  }

  #warn(): void {
    this.#warned = true;
    console.warn(
      `${this.device.name}: ${manyInFlight} programs are in flight: this loop neither reads a value nor awaits a loader, so it runs ahead of the device. ` +
        'Await a value now and then, e.g. the loss',
    );
  }

  /** @throws what a run failed with after its call had returned, once. */
  #surface(): void {
    const fault = this.#fault;
    this.#fault = null;
    if (fault !== null) throw fault.error;
  }
}

declare const console: { warn(message: string): void };

/** A parameter after a write is a leaf again: gradients stop there. */
function isLeafWrite(node: Node): boolean {
  return node.owner !== null && node.op === 'assign';
}

function spanOf(storage: Storage): Span {
  if (storage.span === null)
    throw new StaleValueError(`this value is gone: ${storage.validity.staleBecause || 'its memory was taken back'}`);
  return storage.span;
}
