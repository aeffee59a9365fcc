/** What generators of code ask of a kernel's expressions, whatever language they write. Owns no language. */
export * from './dependencies.js';
export * from './kernel-form.js';
export * from './lane-form.js';
