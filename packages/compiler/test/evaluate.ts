/** Runs graphs through a planner on the interpreter: stored leaves, host leaves, outputs in place. Owns the bindings a runtime would make. */
import { type DType, dtypes, type HostArray, type Span } from '@torchlet/device';
import { leaf, type Node, type Shape, type Source, sizeOf } from '@torchlet/graph';
import type { Planned, Planner } from '../src/index.js';
import type { Interpreter } from './interpret.js';

export interface Stored extends Source {
  readonly span: Span;
  readonly dtype: DType;
  readonly size: number;
}

/** A leaf stored on the device. */
export function stored(device: Interpreter, data: HostArray, shape: Shape, dtype: DType): Node {
  const buffer = device.allocate(data.byteLength, 'stored');
  device.write({ buffer, byteOffset: 0 }, dtype, data);
  const source: Stored = {
    kind: 'stored',
    data: null,
    mark: 0,
    number: 0,
    span: { buffer, byteOffset: 0 },
    dtype,
    size: sizeOf(shape),
  };
  return leaf(source, shape, dtype);
}

/** What a stored leaf holds now. */
export function contents(device: Interpreter, source: Source): HostArray {
  const { span, dtype, size } = source as Stored;
  return device.readNow(span, dtype, size);
}

function spanOf(leaf: Node): Span {
  return (leaf.source as Stored).span;
}

/** The values of `outputs`; what is written in place is read where it was written. */
export function evaluate(device: Interpreter, planner: Planner, outputs: readonly Node[]): HostArray[] {
  return run(device, planner.plan(outputs));
}

export function run(device: Interpreter, { plan, leaves, scalars }: Planned): HostArray[] {
  const spans = plan.outputs.map(({ size, dtype, inPlaceLeaf }): Span => {
    if (inPlaceLeaf !== null) return spanOf(leaves[inPlaceLeaf] as Node);
    return { buffer: device.allocate(size * dtypes[dtype].bytes, 'output'), byteOffset: 0 };
  });
  device.run(plan.compiled, {
    buffers: plan.buffers.map((bound) =>
      'leaf' in bound ? spanOf(leaves[bound.leaf] as Node) : (spans[bound.output] as Span),
    ),
    hostInputs: plan.hosts.map((number) => leaves[number]?.source?.data as HostArray),
    scalars: plan.scalars.map((position) => (scalars[position] as Node).value),
  });
  return plan.outputs.map(({ size, dtype }, i) => device.readNow(spans[i] as Span, dtype, size));
}
