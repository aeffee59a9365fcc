/** The training loop: fit, evaluate, metrics, history, checkpoints, plots. */
export {};
