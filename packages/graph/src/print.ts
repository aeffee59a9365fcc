/**
 * Graphs as text, one node a line, numbered by their place in it: the same graph gives the same text, whenever it was recorded. Owns nothing
 * else; programs are printed by `@torchlet/device`.
 */
import { dtypes } from '@torchlet/device';
import type { CustomKernelSpec } from './build.js';
import { type Node, reachable } from './node.js';

/** Every node that `outputs` are computed from, inputs before users, then the outputs. */
export function printGraph(outputs: readonly Node[]): string {
  const nodes = reachable(outputs);
  const names = new Map(nodes.map((node, i) => [node, `%${i}`]));
  const lines = nodes.map((node) => `${names.get(node)} = ${printNode(node, names)}`);
  lines.push(`return ${outputs.map((output) => names.get(output)).join(', ')}`);
  return lines.join('\n');
}

function printNode(node: Node, names: ReadonlyMap<Node, string>): string {
  const parts = [node.op as string, `${dtypes[node.dtype].short}[${node.shape.join(', ')}]`];
  // A value that exists hides where it came from.
  if (node.source === null) parts.push(...node.inputs.map((input) => names.get(input) as string));
  if (node.attrs.length > 0) parts.push(`{${node.attrs.join(', ')}}`);
  if (node.op === 'constant' || node.op === 'scalar') parts.push(String(node.value));
  if (node.op === 'pad' && Number(node.value) !== 0) parts.push(`fill ${node.value}`);
  if (node.op === 'custom') parts.push((node.payload as CustomKernelSpec).name);
  if (node.source !== null) parts.push(node.version === 0 ? node.source.kind : `${node.source.kind} v${node.version}`);
  if (node.requiresGrad) parts.push('grad');
  return parts.join(' ');
}
