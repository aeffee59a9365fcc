/**
 * The elements of `index.html`, found by id with their kind. Owns that look-up.
 */

/** @throws TypeError if the page has no such element. */
export function element<Kind extends Element>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) {
    throw new TypeError(`index.html: expected a ${kind.name} with the id ${id}`);
  }
  return found;
}

/** A new element with some of its properties, and its children. */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties: Partial<HTMLElementTagNameMap[Tag]> = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}
