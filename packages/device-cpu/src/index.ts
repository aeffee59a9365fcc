/** Torchlet on the CPU: WebAssembly SIMD emitted from TypeScript, with worker threads. */
export {};
