/** Modes that hold while a function runs: `noGrad`, `enableGrad`, `autocast`. Owns the rule that such a function is synchronous. */

/** What `run` returns. @throws TypeError for a promise: the scope `name` has ended by the time it goes on. */
export function scoped<T>(name: string, run: () => T): T {
  const result = run();
  if (result instanceof Promise) {
    throw new TypeError(
      `${name}: expected a synchronous function, got a promise; its scope would leak into other tasks. ` +
        `Record inside and await outside: const y = ${name}(() => f(x)); await y.item()`,
    );
  }
  return result;
}
