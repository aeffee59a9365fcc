import { packageTests } from '../vitest.base.js';

// The longest of all workspaces: its files run side by side when the others are done.
export default packageTests(import.meta.dirname, 2);
