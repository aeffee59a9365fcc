/**
 * The layer table: which package may import which. The dependency fence (`.dependency-cruiser.mjs`) and the check of
 * the manifests (`packages.mjs`) are made from it. A package that stands here with fewer names than it wants is asked
 * to move code down, not to add a name.
 */

const core = ['device', 'graph', 'autograd', 'compiler', 'tensor'];

/** @type {Readonly<Record<string, readonly string[]>>} */
export const layers = {
  device: [],
  graph: ['device'],
  autograd: ['graph', 'device'],
  compiler: ['graph', 'device'],
  tensor: ['graph', 'autograd', 'compiler', 'device'],
  nn: ['tensor'],
  optim: ['tensor'],
  data: ['tensor'],
  train: [...core, 'nn', 'optim', 'data'],
  conformance: [...core, 'nn', 'optim', 'data', 'train'],
  'device-cpu': ['device'],
  'device-webgpu': ['device'],
  'device-cuda': ['device'],
  torchlet: [...core, 'nn', 'optim', 'data', 'train', 'device-cpu'],
};
