/** The derivative table of the primitives and the reverse walk over a graph. */
export {};
