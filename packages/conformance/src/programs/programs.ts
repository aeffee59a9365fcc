/** Every program of the specification that the operations so far can express; one row each. What a row is, is in `program.ts`. */
import { compiledPrograms } from './compiled-programs.js';
import { earlyValuePrograms } from './early-value-programs.js';
import { modulePrograms } from './module-programs.js';
import { precisionPrograms } from './precision-programs.js';
import type { ProgramRow } from './program.js';
import { statePrograms } from './state-programs.js';
import { trainingPrograms } from './training-programs.js';
import { valuePrograms } from './value-programs.js';

export const programs: readonly ProgramRow[] = [
  ...trainingPrograms,
  ...valuePrograms,
  ...earlyValuePrograms,
  ...modulePrograms,
  ...statePrograms,
  ...precisionPrograms,
  ...compiledPrograms,
];
