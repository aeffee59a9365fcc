/**
 * The step from host memory to a Tensor. Owns `tensorFrom`; the tensor is uncommitted host data, which goes to a device with the first
 * program that reads it.
 */

import { fromHost, type Tensor } from '@torchlet/tensor';
import type { HostTensor } from './host-tensor.js';

/**
 * A tensor with these values, which are handed over: they are not copied and must not be written to afterwards.
 *
 * @throws ShapeError if they do not fill the shape.
 */
export function tensorFrom({ data, shape, dtype }: HostTensor): Tensor {
  return fromHost(data, shape, dtype);
}
