/** The parts of this package that need Node: golden files from a folder. */
export { goldenNames, readGoldens } from './golden/goldens.node.js';
