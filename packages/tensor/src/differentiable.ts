/**
 * Tensors as leaves and roots of differentiation: `requiresGrad_()`, `.grad`, `backward()`. Owns what a backward pass leaves on tensors and nodes;
 * derivatives are `@torchlet/autograd`, the cell beneath is `handle.ts`.
 */
import { addGradientHook, tapeOf, walk } from '@torchlet/autograd';
import { isFloat } from '@torchlet/device';
import { add as addNodes, type Node, printShape, sizeOf, withGradMode } from '@torchlet/graph';
import { TensorHandle, type View } from './handle.js';
import { withAutocast } from './ops/autocasting.js';
import { watching } from './runtime/capture.js';
import { defaultRuntimeNow } from './runtime/devices.js';
import type { Runtime } from './runtime/runtime.js';
import { checkNotOverwritten } from './saved-values.js';

export interface BackwardOptions {
  /** Keeps the graph for another `backward()`. Default: the value of `createGraph`. */
  readonly retainGraph?: boolean | undefined;
  /** Records the gradients so that they can be differentiated in their turn. */
  readonly createGraph?: boolean | undefined;
}

export abstract class DifferentiableTensor extends TensorHandle {
  #grad: DifferentiableTensor | null = null;

  protected abstract override wrap(node: Node, runtime: Runtime | null, view?: View | null): DifferentiableTensor;

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

  /** Whether `backward()` leads here. Setting it is `requiresGrad_()`. */
  override get requiresGrad(): boolean {
    return super.requiresGrad;
  }

  override set requiresGrad(requiresGrad: boolean) {
    this.requiresGrad_(requiresGrad);
  }

  /**
   * Shows every later gradient of this tensor to `hook`, when it is complete; what the hook returns, if anything, takes its place. A hook records,
   * as all code around a backward pass does: keep the gradient and read it afterwards.
   *
   * @throws Error for a tensor that does not require a gradient.
   * @example const handle = hidden.registerHook((grad) => grad.clamp(-1, 1));
   */
  registerHook(hook: ((grad: this) => this | null) | ((grad: this) => void)): { remove(): void } {
    const { node, runtime } = this;
    if (!node.requiresGrad) throw new Error('registerHook: this tensor does not require a gradient');
    const remove = addGradientHook(node.owner === this ? this : node, (grad) => {
      const seen = hook(this.wrap(grad, this.runtime ?? runtime) as this);
      return seen instanceof DifferentiableTensor ? seen.node : null;
    });
    return { remove };
  }

  /** The gradient that `backward()` left here, or null. */
  protected get gradient(): DifferentiableTensor | null {
    return this.#grad;
  }

  protected set gradient(grad: DifferentiableTensor | null) {
    const before = this.#grad;
    if (grad === null) watching?.dropped(this);
    else watching?.refuse('it sets a gradient');
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
  backward(gradient?: DifferentiableTensor | null, { retainGraph, createGraph = false }: BackwardOptions = {}): void {
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
    const owners = tape.leaves.map(
      (leaf) => (leaf.owner ?? leaf.written?.owner ?? null) as DifferentiableTensor | null,
    );
    if (
      owners.some(
        (owner) => owner !== null && (runtime.pending.hasGradient(owner) || runtime.pending.writes.has(owner)),
      )
    ) {
      runtime.evaluate('clock');
    }
    const seed = gradient?.node;
    const { gradients, walked } = withAutocast(null, () => walk(tape, { seed, createGraph }));
    checkNotOverwritten(root, tape.leaves, gradients);
    release(walked, retainGraph ?? createGraph);
    root.walked = root.walked === 'no' ? 'retained' : root.walked;
    if (root.source === null) runtime.pending.trackLoss(root);
    gradients.forEach((grad, i) => {
      if (grad !== null) owners[i]?.accumulate(grad, runtime, createGraph);
    });
  }

  /** Adds to `.grad`, in place where there is one. */
  protected accumulate(grad: Node, runtime: Runtime, createGraph: boolean): void {
    watching?.added(this);
    this.runtime ??= runtime;
    const before = this.#grad;
    if (before === null) {
      this.#grad = this.wrap(grad, runtime);
      runtime.pending.trackGradient(this, grad);
      return;
    }
    // Adding to what is lost gives nothing that could be read or used: it stays lost until zeroGrad(), as readers are told.
    if (runtime.isLost(before.node)) return;
    const sum = withGradMode(createGraph, () => addNodes(before.node, grad));
    if (createGraph) {
      this.#grad = this.wrap(sum, runtime);
      runtime.pending.trackGradient(this, sum);
      return;
    }
    withGradMode(false, () => before.write('backward', sum));
  }

  /** On another device the gradient would be out of place: it is dropped. */
  protected override relocate(runtime: Runtime): this {
    if (this.runtime !== runtime) this.#grad = null;
    return super.relocate(runtime);
  }
}

function release(walked: readonly Node[], retain: boolean): void {
  for (const node of walked) {
    node.walked = retain ? 'retained' : 'freed';
    if (!retain && node.source !== null && node.owner === null) node.cut();
  }
}

function checkGradDType(node: Node): void {
  if (isFloat(node.dtype)) return;
  throw new TypeError(`requiresGrad: expected a float dtype, got ${node.dtype}`);
}
