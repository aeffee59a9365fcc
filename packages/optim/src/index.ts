/** Optimizers that follow PyTorch's: SGD, Adam. */
export {};
