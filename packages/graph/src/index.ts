export * from './build.js';
export * from './meaning.js';
export * from './node.js';
export * from './primitives.js';
export * from './print.js';
export * from './reference.js';
export * from './scalar-meaning.js';
export * from './shape.js';
