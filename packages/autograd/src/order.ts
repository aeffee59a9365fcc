/** Orders of axes and how to undo them. Owns nothing else. */

/** The order that undoes `order`. */
export function inverse(order: readonly number[]): number[] {
  const back = new Array<number>(order.length);
  order.forEach((axis, position) => {
    back[axis] = position;
  });
  return back;
}
