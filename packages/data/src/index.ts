/** Datasets, samplers and loaders; MNIST and FashionMNIST. */
export {};
