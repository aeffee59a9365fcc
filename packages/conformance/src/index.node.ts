/** The parts of this package that need Node: golden files from a folder. */
export { readGoldens } from './golden/goldens.node.js';
