/** What a device of more than one thread needs besides; loaded where one is opened. Owns the list. Read `control.ts` first. */
export { controlBytes } from './control.js';
export { Helpers } from './helpers.js';
