/**
 * What needs Node: downloads, the cache folder, and MNIST from files. The rest is `@torchlet/data`.
 */
export { cacheFolder } from './cache-folder.node.js';
export { DownloadError, type DownloadOptions, type DownloadProgress, download } from './download.node.js';
export { DataNotFoundError, type FindOptions } from './idx-files.node.js';
export { FashionMNIST, MNIST, type MnistOptions } from './mnist.node.js';
