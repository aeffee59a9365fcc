/** The suites that every Torchlet device must pass, and a reader of golden files made with PyTorch. */
export {};
