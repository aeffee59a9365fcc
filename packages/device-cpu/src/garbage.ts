/**
 * A full garbage collection on request, in Node: results that the program has dropped keep device memory until their handles are collected, and the
 * engine does not see how large that memory is. Owns how the function is found; when it is worth its milliseconds is the runtime's choice.
 */

interface NodeModules {
  'node:v8': { setFlagsFromString(flags: string): void };
  'node:vm': { runInNewContext(code: string): unknown };
}

interface NodeProcess {
  getBuiltinModule?<Name extends keyof NodeModules>(name: Name): NodeModules[Name];
}

/** The engine's collector, or null in browsers, which give none. */
export function garbageCollector(): (() => void) | null {
  const { process } = globalThis as { process?: NodeProcess };
  if (process?.getBuiltinModule === undefined) return null;
  process.getBuiltinModule('node:v8').setFlagsFromString('--expose-gc');
  const collect = process.getBuiltinModule('node:vm').runInNewContext('gc');
  return typeof collect === 'function' ? () => collect() : null;
}
