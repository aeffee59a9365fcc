/** From a graph to a program: simplify, schedule with fusion, lower, plan memory, cache the plan. */
export {};
