/**
 * One import for newcomers: every package's exports, and a default device. On import it registers the CPU as the default, to be opened when the first
 * value is needed; that is its one effect.
 */
import { cpuOpener } from '@torchlet/device-cpu';
import { setDefaultDevice } from '@torchlet/tensor';

export { openFirst } from '@torchlet/device';
export * from '@torchlet/data';
export { cpu, cpuOpener } from '@torchlet/device-cpu';
export * from '@torchlet/nn';
export * from '@torchlet/optim';
export * from '@torchlet/tensor';
// Two packages say `normalize`: the transform of images keeps the name, vectors of length 1 are `@torchlet/nn`'s.
export { normalize } from '@torchlet/data';
// Two packages say `evaluate`: a model over a loader keeps the name, tensors without reading are `eval_`.
export { evaluate as eval_ } from '@torchlet/tensor';
export * from '@torchlet/train';
export { evaluate } from '@torchlet/train';
export { getDefaultDevice } from './default-device.js';

setDefaultDevice(cpuOpener());
