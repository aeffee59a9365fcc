/**
 * Datasets, samplers, loaders, transforms and file formats, without any platform; `@torchlet/data/node` adds files, downloads and MNIST.
 */
export { FormatError } from './format-error.js';
export { type HostTensor, hostTensor } from './host-tensor.js';
export { parseIdx } from './idx.js';
export { parseNpy, writeNpy } from './npy.js';
export { parseSafetensors, type Safetensors, writeSafetensors } from './safetensors.js';
