/** The parts of this package that need Node. */
export {};
