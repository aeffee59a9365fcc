/**
 * What a tensor is beneath its operations: a cell that holds the node of its present value, and the device it lives on. Owns recording, views, writes in
 * place, and reading. Gradients are `differentiable.ts`; the operations are methods of `Tensor` (`tensor.ts`), each one line over `ops/`.
 */
import type { Device, DType, HostArray } from '@torchlet/device';
import { assign, isGradEnabled, leaf as leafNode, marker, type Node, type Shape, withGradMode } from '@torchlet/graph';
import { broadcastTo, type NodeOperand, nodeOf } from './ops/operands.js';
import { type Watched, watching } from './runtime/capture.js';
import { isInsideForward } from './runtime/clock.js';
import { defaultRuntimeNow, defaultRuntimeReady, openDefault } from './runtime/devices.js';
import { Awaited } from './runtime/promise.js';
import type { Runtime } from './runtime/runtime.js';
import { Storage } from './runtime/storage.js';
import { noteOverwritten } from './saved-values.js';

/** A view shows elements of its base; writing to it writes there. */
export interface View {
  readonly base: TensorHandle;
  readonly derive: (base: Node) => Node;
  readonly writeBack: (base: Node, value: Node) => Node;
}

export abstract class TensorHandle implements Watched {
  /** The node of the present value. Read `node`, which follows the base of a view. */
  current: Node;
  runtime: Runtime | null;
  readonly #view: View | null;
  #seenWrites = 0;
  #writes = 0;

  constructor(node: Node, runtime: Runtime | null, view: View | null = null) {
    this.current = node;
    this.runtime = runtime;
    this.#view = view;
    if (view !== null) this.#seenWrites = view.base.writes;
    watching?.made(this);
  }

  /** The gradient, which `differentiable.ts` keeps. */
  abstract get grad(): TensorHandle | null;

  /** A tensor of this package's class for a recorded node. */
  protected abstract wrap(node: Node, runtime: Runtime | null, view?: View | null): TensorHandle;

  /** The node of the present value. */
  get node(): Node {
    const view = this.#view;
    if (view === null) {
      watching?.read(this, this.current);
      return this.current;
    }
    const { base } = view;
    const baseNode = base.node;
    if (this.#seenWrites !== base.writes) {
      this.current = view.derive(baseNode);
      this.#seenWrites = base.writes;
    }
    watching?.read(this, this.current);
    return this.current;
  }

  /** How often the value was replaced in place, bases included. */
  get writes(): number {
    return this.#writes + (this.#view === null ? 0 : this.#view.base.writes);
  }

  get shape(): Shape {
    return this.current.shape;
  }

  get dtype(): DType {
    return this.current.dtype;
  }

  /** Where the value lives or will: the device it was made on, else the default, else null. */
  get device(): Device | null {
    return (this.runtime ?? openDefault())?.device ?? null;
  }

  get requiresGrad(): boolean {
    return this.node.requiresGrad;
  }

  /** True for tensors that no differentiable operation made. */
  get isLeaf(): boolean {
    const { node } = this;
    return !node.requiresGrad || node.owner === this || node.op === 'buffer';
  }

  /** A recorded tensor: of an operation with these operands. */
  protected record(node: Node, operands: readonly unknown[]): TensorHandle {
    const tensor = this.wrap(node, commonRuntime(operands, this.runtime));
    track(tensor);
    return tensor;
  }

  /** A view of this tensor: writes to either show in both. */
  protected recordView(derive: (base: Node) => Node, writeBack: View['writeBack']): TensorHandle {
    const base = this.node;
    const node = derive(base);
    const tensor = this.wrap(node, this.runtime, { base: this, derive, writeBack });
    if (base.source === null) track(tensor);
    return tensor;
  }

  /**
   * Replaces the value in place. A stored tensor is written at its address, when the program runs; another rebinds. Views follow.
   *
   * @throws Error for a leaf that requires a gradient outside `noGrad`, as in PyTorch.
   */
  protected write(op: string, operand: NodeOperand): this {
    const before = this.node;
    const value = broadcastTo(op, nodeOf(operand, before.dtype), before.shape);
    if (before.requiresGrad && before.owner === this && isGradEnabled()) {
      throw new Error(
        `${op}: a leaf that requires a gradient cannot be changed in place while gradients are recorded; use noGrad(() => ...)`,
      );
    }
    if (this.#view !== null) {
      const { base, writeBack } = this.#view;
      base.write(op, writeBack(base.node, value));
      return this;
    }
    if (before.requiresGrad && isGradEnabled()) noteOverwritten(before, op);
    this.#writes++;
    const pending = this.runtime?.pending.writes;
    const stored = (before.source as Storage | null)?.fixed === true || pending?.has(this) === true;
    const next = stored ? writeNode(before, value) : reboundNode(before, value);
    if (before.owner === this) {
      before.written = { owner: this, op };
      before.owner = null;
      next.owner = this;
      next.requiresGrad = before.requiresGrad;
    }
    this.current = next;
    if (stored) {
      this.runtime ??= defaultRuntimeNow();
      if (this.runtime.pending.writes.has(this) === false) this.runtime.pending.writes.set(this, before);
    } else track(this);
    return this;
  }

  /** A program that was not recorded anew has written the value, which lies in `storage`. */
  rewritten(storage: Storage): void {
    const before = this.current;
    storage.validity.outdate('its storage has since been written in place by a compiled function');
    const next = leafNode(storage, before.shape, before.dtype);
    next.version = storage.version;
    if (before.owner === this) {
      before.written = { owner: this, op: 'compile' };
      before.owner = null;
      next.owner = this;
      next.requiresGrad = before.requiresGrad;
    }
    this.#writes++;
    this.current = next;
  }

  /** Gives the value an address of its own, where writes in place go: parameters, statistics, optimiser state. */
  store(): this {
    const { node } = this;
    const source = node.source as Storage | null;
    if (source?.fixed) return this;
    if (source?.kind === 'host' && source.data !== null) {
      this.current = storedLeaf(source.data.slice(), node, this.runtime);
      return this;
    }
    const own = source === null ? node : withGradMode(false, () => marker('copy', node));
    this.runtime ??= defaultRuntimeNow();
    this.runtime.evaluate('read', [own], null, 'fixed');
    this.current = own;
    return this;
  }

  /**
   * Moves the value to another device and keeps what this tensor is: a parameter stays one, at a new address.
   *
   * @throws TypeError where the value lies on a device whose memory the host cannot address.
   */
  protected relocate(runtime: Runtime): this {
    if (this.runtime === runtime) return this;
    this.evaluateNow();
    const before = this.node;
    const data = hostDataOf(this);
    const next = storedLeaf(data.slice(), before, runtime);
    next.requiresGrad = before.requiresGrad;
    next.owner = before.owner === this ? this : null;
    this.#writes++;
    this.runtime = runtime;
    this.current = next;
    return this;
  }

  /** Evaluates what is pending and this tensor, and gives its elements: memory that must not be written. */
  protected async elements(): Promise<HostArray> {
    // The value of now, whatever is written in place while a device opens.
    const { node } = this;
    const known = node.source as Storage | null;
    if (known?.kind === 'host' && known.data !== null && known.version === node.version) return known.data;
    const runtime = this.runtime ?? openDefault() ?? (await defaultRuntimeReady());
    if (node.source === null) {
      if (node.spent) {
        throw new Error(
          'grad: optimizer.step() used this gradient without storing it; read .grad before step(), and call zeroGrad() before the next backward()',
        );
      }
      runtime.evaluate('read', [node]);
    }
    return runtime.read(node);
  }

  /** Evaluates this tensor, opening the default device if need be. Who drops it need not wait: no frame of an async function keeps it until then. */
  evaluated(): Promise<void> {
    return new Promise((resolve) => {
      const runtime = this.runtime ?? openDefault();
      if (this.node.source !== null) resolve();
      else if (runtime === null) resolve(defaultRuntimeReady().then(() => this.evaluated()));
      else resolve(this.#evaluatedOn(runtime));
    });
  }

  #evaluatedOn(runtime: Runtime): Promise<void> {
    this.runtime = runtime;
    runtime.evaluate('read', [this.node]);
    return runtime.settle();
  }

  /** Evaluates this tensor now; for device code that must not wait. */
  evaluateNow(): void {
    const { node } = this;
    if (node.source !== null) return;
    const runtime = (this.runtime ??= defaultRuntimeNow());
    runtime.evaluate('read', [node]);
  }

  /**
   * Holds the value: it stays readable until this tensor is dropped, whatever its module computes next.
   *
   * @returns this
   */
  keep(): this {
    this.evaluateNow();
    (this.node.source as Storage).kept = true;
    return this;
  }

  /**
   * Gives the memory of an evaluated value back at once. Never needed: it is for large results that a tight loop drops. Using the value afterwards throws.
   * Idempotent; parameters and values not evaluated are left alone.
   */
  dispose(): void {
    const storage = this.current.source as Storage | null;
    if (storage === null || storage.fixed || storage.runtime === null || this.#view !== null) return;
    storage.runtime.memory.free(storage);
    storage.data = null;
    storage.validity.outdate('it was disposed of');
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** @throws TypeError always: a tensor is not a number. */
  [Symbol.toPrimitive](): never {
    throw new TypeError(
      'a tensor is no number or string: use x.add(y) and the like for arithmetic, and await x.item() or await x.toString() to read it',
    );
  }

  protected promise<T>(run: () => Promise<T>, what: string): Promise<T> {
    return Awaited.of(run, what);
  }
}

/** The device of `operands`, of which some may be tensors: the first that is committed; two different ones do not meet. */
export function commonRuntime(operands: readonly unknown[], own: Runtime | null = null): Runtime | null {
  let runtime = own;
  for (const operand of operands) {
    if (!(operand instanceof TensorHandle) || operand.runtime === null) continue;
    if (runtime !== null && operand.runtime !== runtime) {
      throw new TypeError(
        `expected all tensors on one device, got ${runtime.device.name} and ${operand.runtime.device.name}: move one with x.to(device)`,
      );
    }
    runtime = operand.runtime;
  }
  return runtime;
}

/** A leaf at an address of its own, of the shape and dtype of `like`; its data is uploaded when a program first reads it. */
function storedLeaf(data: HostArray, like: Node, runtime: Runtime | null): Node {
  const storage = new Storage('stored', like.dtype, data.length, data);
  storage.fixed = true;
  storage.runtime = runtime;
  return leafNode(storage, like.shape, like.dtype);
}

/** The elements at once: data that must not be written. @throws TypeError where they must be awaited. */
export function hostDataOf(tensor: TensorHandle): HostArray {
  const { data } = tensor.node.source as Storage;
  if (data !== null) return data;
  return (tensor.runtime as Runtime).readNow(tensor.node);
}

/** The write of a stored tensor; writing a slice touches only the slice. */
function writeNode(before: Node, value: Node): Node {
  return value.op === 'assign' && value.inputs[0] === before ? value : assign(before, value);
}

/** A value that replaces another without being written at its address, as a node of its own. */
function reboundNode(before: Node, value: Node): Node {
  return value === before || value.source !== null || value.op === 'assign' ? marker('copy', value) : value;
}

/** Nodes recorded since the last evaluation before one is forced, in code that never asks for a value. */
const longestPending = 2048;

/** Tells the runtime of a tensor made outside a `forward`. */
export function track(tensor: TensorHandle): void {
  const node = tensor.current;
  if (node.source !== null || isInsideForward()) return;
  const runtime = tensor.runtime ?? openDefault();
  if (runtime === null) return;
  runtime.pending.trackLoose(node);
  runtime.bound(node, longestPending);
}
