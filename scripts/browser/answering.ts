/**
 * The worker's half of `worker-page.ts`: methods by name, each of which may say things before it answers. Owns the form of the messages; what the methods do
 * is each worker's.
 */

export interface Call {
  readonly id: number;
  readonly method: string;
  readonly argument: unknown;
}

export type Answer =
  | { readonly id: number; readonly said: unknown }
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly thrown: { readonly name: string; readonly message: string } };

/** @param say sends something to the caller before the answer. */
export type Method = (argument: never, say: (what: unknown) => void) => Promise<unknown>;

interface WorkerScope {
  onmessage: ((event: { readonly data: Call }) => void) | null;
  postMessage(answer: Answer): void;
}

/** Answers what the page asks, with the methods of these names. */
export function answer(methods: Readonly<Record<string, Method>>): void {
  const scope = globalThis as unknown as WorkerScope;
  scope.onmessage = ({ data: { id, method, argument } }) => {
    const found = methods[method];
    const say = (said: unknown): void => scope.postMessage({ id, said });
    const result =
      found === undefined ? Promise.reject(new Error(`there is no method ${method}`)) : found(argument as never, say);
    result.then(
      (value) => scope.postMessage({ id, result: value }),
      ({ name, message }: Error) => scope.postMessage({ id, thrown: { name, message } }),
    );
  };
}

/** What the page's server has at `path`. @throws Error where it has nothing. */
export async function fetched(path: string): Promise<ArrayBuffer> {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${response.statusText}`);
  return response.arrayBuffer();
}
