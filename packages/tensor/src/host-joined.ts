/**
 * Many small values joined: a batch of a replay memory, an epoch's losses. Where the host knows all of them it puts them side by side before they are
 * handed to a program, which then has one input, and one plan whichever values were picked. Owns that shortcut of `cat` and `stack`; all else goes through
 * their nodes.
 */
import { dtypes, type HostArray } from '@torchlet/device';
import { leaf, marker, type Node, sameShape, sizeOf } from '@torchlet/graph';
import { watching } from './runtime/capture.js';
import { Storage } from './runtime/storage.js';

/** Fewer are a program's business: it has few ways to be given them. */
const fewest = 8;
/** What is larger is copied by the device. */
const largestBytes = 256;

/** What `cat` or `stack` along dim `dim` gives; null where a program must do it, or say what is wrong. */
export function joinedOnHost(op: 'cat' | 'stack', nodes: readonly Node[], dim: number): Node | null {
  const [first] = nodes;
  if (first === undefined || nodes.length < fewest || dim !== 0 || watching !== null) return null;
  const { dtype } = first;
  const part = op === 'stack' ? first.shape : first.shape.slice(1);
  if (op === 'cat' && first.shape.length === 0) return null;
  const parts: HostArray[] = [];
  for (const node of nodes) {
    if (node.dtype !== dtype || node.requiresGrad || sizeOf(node.shape) * dtypes[dtype].bytes > largestBytes)
      return null;
    if (node.shape.length !== first.shape.length || !sameShape(op === 'stack' ? node.shape : node.shape.slice(1), part))
      return null;
    const elements = knownElements(node);
    if (elements === null) return null;
    parts.push(elements);
  }
  const length = op === 'stack' ? nodes.length : nodes.reduce((sum, { shape }) => sum + (shape[0] as number), 0);
  const shape = [length, ...part];
  const joined = dtypes[dtype].zeros(sizeOf(shape));
  let start = 0;
  for (const elements of parts) {
    joined.set(elements as never, start);
    start += elements.length;
  }
  return marker('copy', leaf(new Storage('host', dtype, joined.length, joined), shape, dtype));
}

/** The elements of a value that exists, in row-major order, if they can be had at once. */
function knownElements(node: Node): HostArray | null {
  let from = node;
  while (from.source === null && from.op === 'reshape') from = from.inputs[0] as Node;
  const storage = from.source as Storage | null;
  if (storage === null || storage.fixed || storage.version !== from.version) return null;
  if (storage.data !== null) return storage.data;
  const { span, runtime } = storage;
  if (span === null || runtime === null) return null;
  return runtime.device.readNow?.(span, storage.dtype, storage.size) ?? null;
}
