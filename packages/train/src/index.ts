/**
 * The training loop, its history and its plots, without any platform; `@torchlet/train/node` adds the terminal and files.
 */
export type { EpochRecord, History } from './history.js';
export { type LineChartOptions, lineChart, type Series } from './line-chart.js';
export type { Progress } from './progress.js';
