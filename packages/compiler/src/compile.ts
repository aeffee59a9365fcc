/**
 * From a graph to a program: the stages in their order. Owns nothing but that order and the checks at its start; each stage is a folder:
 * `simplify`, `schedule`, `lower` (called by both neighbours), `memory`, `program`.
 */
import type { Capabilities, Device } from '@torchlet/device';
import { type Node, type Source, sizeOf } from '@torchlet/graph';
import { claimOf } from './claims.js';
import type { PlannerObserver } from './debug.js';
import type { PlannedOutput } from './plan.js';
import { type Bound, makeProgram } from './program/program.js';
import { placeStores } from './program/targets.js';
import { schedule } from './schedule/schedule.js';
import { type SimplifiedGraph, simplify } from './simplify/graph.js';

export interface CompileOptions {
  readonly fuse: boolean;
  readonly observe: PlannerObserver | null;
  readonly name: string;
}

export interface CompiledGraph extends Bound {
  readonly outputs: readonly PlannedOutput[];
}

/**
 * @param leaves one node per source, and `scalars` the runtime scalars, in the order in which the plan is to number them.
 * @throws TypeError where the device does not support a dtype of the graph.
 * @throws RangeError where an intermediate is larger than the device's largest buffer.
 */
export function compileGraph(
  outputs: readonly Node[],
  leaves: readonly Node[],
  scalars: readonly Node[],
  device: Device,
  options: CompileOptions,
): CompiledGraph {
  const { capabilities } = device;
  const { name, observe } = options;
  const leafNumbers = new Map(leaves.map((leaf, i) => [leaf.source as Source, i]));
  const scalarNumbers = new Map(scalars.map((scalar, i) => [scalar, i]));
  const leafNumber = (source: Source) => leafNumbers.get(source) as number;
  observe?.({ kind: 'recorded', name, outputs });
  const graph = simplify(outputs, (node) => scalarNumbers.get(node) as number);
  observe?.({ kind: 'simplified', name, outputs: graph.outputs.map(({ value }) => value) });
  checkDTypes(graph, device.name, capabilities);
  const scheduled = schedule(graph, leafNumber, {
    capabilities,
    fuse: options.fuse,
    claim: (group) => claimOf(device, group),
  });
  observe?.({ kind: 'scheduled', name, schedule: scheduled });
  const placement = placeStores(scheduled, capabilities.buffersPerKernel);
  const bound = makeProgram(name, placement, scalars, capabilities);
  observe?.({ kind: 'written', program: bound.program });
  return {
    ...bound,
    outputs: outputs.map((node, i): PlannedOutput => {
      const inPlace = graph.outputs[i]?.inPlace;
      const leaf = inPlace ? leafNumber(inPlace.target.source as Source) : null;
      return { size: sizeOf(node.shape), dtype: node.dtype, inPlaceLeaf: leaf };
    }),
  };
}

function checkDTypes(graph: SimplifiedGraph, device: string, { storedBytes }: Capabilities): void {
  for (const { op, dtype } of graph.nodes) {
    if (storedBytes[dtype] > 0) continue;
    const known = Object.entries(storedBytes).filter(([, bytes]) => bytes > 0);
    throw new TypeError(
      `${op}: ${device} does not support ${dtype}; it supports ${known.map(([name]) => name).join(', ')}. Convert with x.to(...) first`,
    );
  }
}
