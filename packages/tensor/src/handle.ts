/**
 * What a tensor is beneath its operations: a cell that holds the node of its present value, and the device it lives on. Owns recording, views, writes in
 * place, `backward()` and reading. The operations themselves are methods of `Tensor` (`tensor.ts`), each one line over `ops/`.
 */
import { tapeOf, walk } from '@torchlet/autograd';
import { type Device, type DType, type HostArray, isFloat } from '@torchlet/device';
import {
  add as addNodes,
  assign,
  isGradEnabled,
  leaf as leafNode,
  marker,
  type Node,
  printShape,
  type Shape,
  sizeOf,
  withGradMode,
} from '@torchlet/graph';
import { broadcastTo, type NodeOperand, nodeOf } from './ops/operands.js';
import type { PlainNumber } from './promotion.js';
import { isInsideForward } from './runtime/clock.js';
import { defaultRuntimeNow, defaultRuntimeReady, openDefault } from './runtime/devices.js';
import type { Handle } from './runtime/pending.js';
import { Awaited } from './runtime/promise.js';
import type { Runtime } from './runtime/runtime.js';
import { Storage } from './runtime/storage.js';
import { checkNotOverwritten, noteOverwritten } from './saved-values.js';

/** A view shows elements of its base; writing to it writes there. */
export interface View {
  readonly base: TensorHandle;
  readonly derive: (base: Node) => Node;
  readonly writeBack: (base: Node, value: Node) => Node;
}

export interface BackwardOptions {
  /** Keeps the graph for another `backward()`. Default: the value of `createGraph`. */
  readonly retainGraph?: boolean | undefined;
  /** Records the gradients so that they can be differentiated in their turn. */
  readonly createGraph?: boolean | undefined;
}

export abstract class TensorHandle implements Handle {
  /** The node of the present value. Read `node`, which follows the base of a view. */
  current: Node;
  runtime: Runtime | null;
  readonly #view: View | null;
  #seenWrites = 0;
  #writes = 0;
  #grad: TensorHandle | null = null;

  constructor(node: Node, runtime: Runtime | null, view: View | null = null) {
    this.current = node;
    this.runtime = runtime;
    this.#view = view;
    if (view !== null) this.#seenWrites = view.base.writes;
  }

  /** A tensor of this package's class for a recorded node. */
  protected abstract wrap(node: Node, runtime: Runtime | null, view?: View | null): TensorHandle;

  /** The node of the present value. */
  get node(): Node {
    const view = this.#view;
    if (view === null) return this.current;
    const { base } = view;
    const baseNode = base.node;
    if (this.#seenWrites !== base.writes) {
      this.current = view.derive(baseNode);
      this.#seenWrites = base.writes;
    }
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
  protected record(node: Node, ...operands: readonly unknown[]): TensorHandle {
    const runtime = runtimeOfOperands(this, operands);
    const tensor = this.wrap(node, runtime);
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

  /**
   * Makes this a leaf whose gradient `backward()` fills, stored at an address of its own from now on.
   *
   * @throws TypeError for dtypes without gradients.
   */
  requiresGrad_(requiresGrad = true): this {
    const { node } = this;
    if (!requiresGrad) {
      if (node.requiresGrad && node.owner !== this) {
        throw new Error('requiresGrad_: only leaves can stop requiring a gradient; use detach()');
      }
      node.requiresGrad = false;
      node.owner = null;
      return this;
    }
    if (node.requiresGrad) return this;
    checkGradDType(node);
    this.store();
    const leaf = this.current;
    leaf.requiresGrad = true;
    leaf.owner = this;
    return this;
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
    this.#grad = null;
    this.runtime = runtime;
    this.current = next;
    return this;
  }

  /** The gradient that `backward()` left here, or null. */
  protected get gradient(): TensorHandle | null {
    return this.#grad;
  }

  protected set gradient(grad: TensorHandle | null) {
    const before = this.#grad;
    if (before !== null && grad === null && this.runtime !== null) {
      this.runtime.pending.writes.delete(before);
      this.runtime.releaseGradient(this, before.current);
    }
    this.#grad = grad;
  }

  /**
   * Adds the gradients of this tensor (of one element, or with `gradient` as weights) to `.grad` of every leaf that requires one.
   * Records only: the gradients are computed with whatever is evaluated next.
   *
   * @throws Error if nothing requires a gradient, for several elements without weights, or for a graph that was walked before.
   */
  backward(gradient?: TensorHandle | null, { retainGraph, createGraph = false }: BackwardOptions = {}): void {
    const root = this.node;
    if (!root.requiresGrad)
      throw new Error('backward: this tensor does not require a gradient; was it made under noGrad, or detached?');
    if ((gradient === undefined || gradient === null) && sizeOf(root.shape) !== 1) {
      throw new Error(
        `backward: a gradient is implicit only for one element, got shape ${printShape(root.shape)}; reduce first, or pass a gradient of that shape`,
      );
    }
    const runtime = (this.runtime ??= defaultRuntimeNow());
    const tape = tapeOf(root);
    const owners = tape.leaves.map((leaf) => leaf.owner as TensorHandle | null);
    if (
      owners.some(
        (owner) => owner !== null && (runtime.pending.hasGradient(owner) || runtime.pending.writes.has(owner)),
      )
    ) {
      runtime.evaluate('clock');
    }
    const seed = gradient?.node;
    const { gradients, walked } = walk(tape, { seed, createGraph });
    checkNotOverwritten(root, gradients);
    release(walked, retainGraph ?? createGraph);
    root.walked = root.walked === 'no' ? 'retained' : root.walked;
    if (root.source === null) runtime.pending.trackLoss(root);
    gradients.forEach((grad, i) => {
      if (grad !== null) owners[i]?.accumulate(grad, runtime, createGraph);
    });
  }

  /** Adds to `.grad`, in place where there is one. */
  protected accumulate(grad: Node, runtime: Runtime, createGraph: boolean): void {
    this.runtime ??= runtime;
    const before = this.#grad;
    if (before === null) {
      this.#grad = this.wrap(grad, runtime);
      runtime.pending.trackGradient(this, grad);
      return;
    }
    const sum = withGradMode(createGraph, () => addNodes(before.node, grad));
    if (createGraph) {
      this.#grad = this.wrap(sum, runtime);
      runtime.pending.trackGradient(this, sum);
      return;
    }
    withGradMode(false, () => before.write('backward', sum));
  }

  /** Evaluates what is pending and this tensor, and gives its elements: memory that must not be written. */
  protected async elements(): Promise<HostArray> {
    const known = this.node.source as Storage | null;
    if (known?.kind === 'host' && known.data !== null && known.version === this.node.version) return known.data;
    const runtime = this.runtime ?? (await defaultRuntimeReady());
    const { node } = this;
    if (node.source === null) {
      if (runtime.pending.isSpent(node)) {
        throw new Error('grad: optimizer.step() used this gradient without storing it; read .grad before step()');
      }
      runtime.evaluate('read', [node]);
    }
    return runtime.read(node);
  }

  /** Evaluates this tensor, opening the default device if need be. */
  async evaluated(): Promise<void> {
    if (this.node.source !== null) return;
    const runtime = this.runtime ?? (await defaultRuntimeReady());
    if (this.node.source === null) runtime.evaluate('read', [this.node]);
    this.runtime ??= runtime;
    await runtime.settle();
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
    storage.version++;
    storage.staleBecause = 'it was disposed of';
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

/** The operands' device: the first that is committed; two different ones do not meet. */
function runtimeOfOperands(self: TensorHandle, operands: readonly unknown[]): Runtime | null {
  let runtime = self.runtime;
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

function release(walked: readonly Node[], retain: boolean): void {
  for (const node of walked) {
    if (node.walked === 'freed') {
      throw new Error(
        'backward: this graph was walked by an earlier backward(), which let it go; pass { retainGraph: true } to that one',
      );
    }
  }
  for (const node of walked) {
    node.walked = retain ? 'retained' : 'freed';
    if (!retain && node.source !== null && node.owner === null) node.cut();
  }
}

function checkGradDType(node: Node): void {
  if (isFloat(node.dtype)) return;
  throw new TypeError(`requiresGrad: expected a float dtype, got ${node.dtype}`);
}

/** What operations take: a tensor or a plain number. */
export type Operand<T extends TensorHandle> = T | PlainNumber;
