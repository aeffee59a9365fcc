/**
 * From a graph to a program: simplify, schedule with fusion, lower, plan memory, cache the plan. This file only lists what is public; start with
 * `planner.ts`, then `compile.ts`.
 */
export {
  type DebugLevel,
  type DebugSink,
  debugLevels,
  debugText,
  type PlannerEvent,
  type PlannerObserver,
} from './debug.js';
export type { Plan, Planned, PlannedOutput } from './plan.js';
export { Planner, type PlannerOptions, type PlannerStats } from './planner.js';
export { type RewriteRule, type RewriteRuleName, rewriteRules } from './simplify/rules.js';
