/**
 * The training loop, its history, its plots and saved weights, without any platform; `@torchlet/train/node` adds the terminal and files.
 */
export { fromCheckpoint, toCheckpoint } from './checkpoint.js';
export {
  accuracy,
  type BatchResult,
  type EvaluationResult,
  evaluate,
  type Loader,
  type LossFn,
  lossBatch,
  type Metric,
} from './evaluate.js';
export { type BatchRecord, type FitOptions, fit, type OptimizerFactory } from './fit.js';
export type { EpochRecord, History } from './history.js';
export { type LineChartOptions, lineChart, type Series } from './line-chart.js';
export type { Progress } from './progress.js';
export { fromSafetensors, type NamedTensors, toSafetensors } from './state-dict.js';
