/**
 * Nodes: one recorded application of a primitive. A node is made once and never changes, but for its realisation: when its value has been
 * computed, `source` says where it lies, and its inputs may be cut. Owns recording (order, gradient mode); not what a node means.
 * One class with every field set in one order, so that engines see one shape. Read `build.ts` next.
 */
import { type DType, type HostArray, isFloat } from '@torchlet/device';
import { type Primitive, primitives } from './primitives.js';
import type { Shape } from './shape.js';

/** Where the value of a leaf lies. A device's storage implements this in `@torchlet/tensor`. */
export interface Source {
  /** `host`: `data` is copied into the program at each run. `stored`: the device has it. */
  readonly kind: 'host' | 'stored';
  /** Host elements, row-major; null for a stored source. */
  readonly data: HostArray | null;
  /** Scratch of one structural walk: see `Walk` in `@torchlet/compiler`. */
  mark: number;
  number: number;
}

const noInputs: readonly Node[] = Object.freeze([]);
const noAttrs: readonly number[] = Object.freeze([]);

let nextSerial = 1;
let gradEnabled = true;

/** Whether nodes recorded now take part in differentiation. */
export function isGradEnabled(): boolean {
  return gradEnabled;
}

/** The serial of the node that is recorded next. */
export function upcomingSerial(): number {
  return nextSerial;
}

/** Runs the synchronous `fn` with gradient recording on or off, and restores the mode whatever happens. */
export function withGradMode<T>(enabled: boolean, fn: () => T): T {
  const before = gradEnabled;
  gradEnabled = enabled;
  try {
    return fn();
  } finally {
    gradEnabled = before;
  }
}

export class Node {
  readonly op: Primitive;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly attrs: readonly number[];
  /** Emptied by `cut`. Every input has a smaller serial. */
  inputs: readonly Node[];
  /** The number of a constant, of a runtime scalar, or the fill of a pad. */
  readonly value: number | bigint;
  /** Beyond the structure: the gradient of `attach`, the kernel of `custom`. */
  readonly payload: unknown;
  /** Set when the value exists; the node is then a leaf to whoever plans. */
  source: Source | null;
  /** The source's version when this node was read from it; 0 for data that never changes. */
  version: number;
  requiresGrad: boolean;
  /** The tensor that gradients of this node accumulate into, where it is a leaf of differentiation. */
  owner: object | null;
  /** What took `owner` away: an operation that wrote the leaf in place. Graphs that read it before still lead to its owner. */
  written: { readonly owner: object; readonly op: string } | null;
  /** Whether another node reads it. */
  used: boolean;
  /** Whether a root's `forward` was given it. */
  handed: boolean;
  /** Whether a step used it up: a gradient that was not stored. */
  spent: boolean;
  /** How a `backward()` left it: not walked, walked with the graph retained, or walked and free to be cut. */
  walked: 'no' | 'retained' | 'freed';
  /** Order of recording: inputs come before users. */
  readonly serial: number;
  /** Scratch of one walk: valid while `mark` is that walk's mark. */
  mark: number;
  number: number;

  constructor(
    op: Primitive,
    dtype: DType,
    shape: Shape,
    inputs: readonly Node[] = noInputs,
    attrs: readonly number[] = noAttrs,
    value: number | bigint = 0,
    payload: unknown = null,
  ) {
    this.op = op;
    this.dtype = dtype;
    this.shape = shape;
    this.attrs = attrs;
    this.inputs = inputs;
    this.value = value;
    this.payload = payload;
    this.source = null;
    this.version = 0;
    this.requiresGrad = gradEnabled && needsGrad(op, dtype, inputs);
    this.owner = null;
    this.written = null;
    this.used = false;
    this.handed = false;
    this.spent = false;
    this.walked = 'no';
    for (let i = 0; i < inputs.length; i++) (inputs[i] as Node).used = true;
    this.serial = nextSerial++;
    this.mark = 0;
    this.number = 0;
  }

  /** Lets go of the inputs, once the value exists and no derivative will ask for them. */
  cut(): void {
    this.inputs = noInputs;
  }
}

function needsGrad(op: Primitive, dtype: DType, inputs: readonly Node[]): boolean {
  if (inputs.length === 0 || !primitives[op].differentiable || !isFloat(dtype)) return false;
  for (let i = 0; i < inputs.length; i++) if ((inputs[i] as Node).requiresGrad) return true;
  return false;
}

let nextMark = 1;

/** A mark no node carries yet: one walk's own. */
export function freshMark(): number {
  return nextMark++;
}

/** Every distinct node that `roots` are computed from, themselves included, inputs before users. Stops at nodes whose value exists, unless `through`. Does not recurse. */
export function reachable(roots: readonly Node[], through = false): Node[] {
  const mark = freshMark();
  const found: Node[] = [];
  const stack: Node[] = [];
  for (const root of roots) {
    if (root.mark === mark) continue;
    root.mark = mark;
    stack.push(root);
  }
  while (stack.length > 0) {
    const node = stack.pop() as Node;
    found.push(node);
    if (node.source !== null && !through) continue;
    for (let i = 0; i < node.inputs.length; i++) {
      const input = node.inputs[i] as Node;
      if (input.mark === mark) continue;
      input.mark = mark;
      stack.push(input);
    }
  }
  return found.sort((a, b) => a.serial - b.serial);
}
