/** The contract between Torchlet and a device: dtypes, buffers, the kernel language, programs, the Device interface. */
export {};
