/** Modules, parameters, layers and the functions behind them. */
export {};
