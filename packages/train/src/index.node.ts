/**
 * What needs Node: the progress bar, the terminal's chart, and files. The rest is `@torchlet/train`.
 */
export { progressBar } from './progress-bar.node.js';
export { loadCheckpoint, saveCheckpoint } from './checkpoint-file.node.js';
export { loadSafetensors, saveSafetensors } from './safetensors-file.node.js';
export { type TerminalChartOptions, terminalChart } from './terminal-chart.node.js';
