/** PyTorch's way of working in TypeScript: one import for everything. */
export {};
