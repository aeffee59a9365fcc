/** How shapes are written in the messages of this package. */

export function printShape(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}
