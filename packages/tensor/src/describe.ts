/** The one line that stands for a tensor whose values are not read. Values as text are `print.ts`. */
import type { DType } from '@torchlet/device';
import { printShape, type Shape } from '@torchlet/graph';

/** What text tells of a tensor. */
export interface Describable {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly requiresGrad: boolean;
  readonly device: { readonly name: string } | null;
  readonly node: { readonly source: object | null };
}

/** Shape, dtype, device, and whether the values exist. */
export function describe(tensor: Describable): string {
  const state = tensor.node.source === null ? 'not evaluated, ' : '';
  const device = tensor.device === null ? '' : `, device=${tensor.device.name}`;
  const grad = tensor.requiresGrad ? ', requiresGrad=true' : '';
  return `Tensor(${state}shape=${printShape(tensor.shape)}, dtype=${tensor.dtype}${device}${grad}; await x.toString() for the values)`;
}
