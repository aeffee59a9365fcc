/** The CPU device plug-in: `cpu()` opens it. Owns the list of what is public. */
export { type CpuOptions, cpu, cpuOpener } from './cpu.js';
export { enableRelaxedSimd, hasRelaxedSimd } from './features.js';
