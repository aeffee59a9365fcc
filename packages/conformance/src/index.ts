/**
 * The suites that every Torchlet device must pass, and the running of golden cases made with PyTorch. Nothing here opens a device or reads a file: a
 * device, or its opener, is given. Read `suites/suite.ts` and `golden/run.ts` next.
 */
export { type CountingDevice, countingDevice, type DeviceCounts } from './counting-device.js';
export type { GoldenCase } from './golden/cases.js';
export { type GoldenGroup, parseGoldenGroup } from './golden/manifest.js';
export type { Digits } from './golden/observe-training.js';
export {
  failureList,
  groupTable,
  type JsonReport,
  jsonReport,
  operationTable,
  summary,
  unsupportedList,
} from './golden/report.js';
export { type CaseResult, type GroupResult, type RunOptions, runGoldens, type Status } from './golden/run.js';
export type { BadCall, OpRow, Sample } from './op-info/row.js';
export { opTable } from './op-info/table.js';
export { type ProgramContext, type ProgramRow, runProgram } from './programs/program.js';
export { programs } from './programs/programs.js';
export type { Suite, Test } from './suites/suite.js';
export { conformanceSuites } from './suites/suites.js';
