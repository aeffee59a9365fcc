export * from './device.js';
export * from './dtype.js';
export * from './expression.js';
export * from './half.js';
export * from './kernel.js';
export * from './open.js';
export * from './print.js';
export * from './program.js';
