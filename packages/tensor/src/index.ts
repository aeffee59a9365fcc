/** Tensors with PyTorch's words in TypeScript: factories, operations, autograd, indexing, printing. */
export { type DType, dtypes, type HostArray } from '@torchlet/device';
