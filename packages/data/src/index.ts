/**
 * Datasets, samplers, loaders, transforms and file formats, without any platform; `@torchlet/data/node` adds files, downloads and MNIST.
 */
export { type Collated, collate } from './collate.js';
export { type Batches, DataLoader, type DataLoaderOptions } from './data-loader.js';
export { type Dataset, Subset, TensorDataset } from './dataset.js';
export { DeviceDataLoader, toDevice } from './device-loader.js';
export { FormatError } from './format-error.js';
export { type HostTensor, hostTensor } from './host-tensor.js';
export { parseIdx } from './idx.js';
export { ImageDataset, type ImageDatasetOptions } from './image-dataset.js';
export { ConcatDataset, randomSplit } from './joined-datasets.js';
export { parseNpy, writeNpy } from './npy.js';
export { parseSafetensors, type Safetensors, writeSafetensors } from './safetensors.js';
export {
  BatchSampler,
  type SamplingOptions,
  RandomSampler,
  type RandomSamplerOptions,
  type Sampler,
  SequentialSampler,
  SubsetRandomSampler,
  splitIndices,
  WeightedRandomSampler,
} from './samplers.js';
export { tensorFrom } from './tensor-from.js';
export { compose, normalize, type Transform, toTensor, transformBatch } from './transforms.js';
