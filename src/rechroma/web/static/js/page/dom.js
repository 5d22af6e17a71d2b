/** Access to the elements of index.html. */

/**
 * Find an element; one that is missing or of another kind is a bug of the page.
 * @template {Element} [T=HTMLElement]
 * @param {string} selector
 * @param {{new (): T}} [kind]
 * @param {ParentNode} [root]
 * @returns {T}
 */
export function find(selector, kind, root = document) {
  const element = root.querySelector(selector);
  if (!(element instanceof (kind ?? HTMLElement))) throw new TypeError(`no such element: ${selector}`);
  return /** @type {T} */ (element);
}

/**
 * Copy the only child of a template.
 * @param {string} selector
 * @returns {HTMLElement}
 */
export function cloneTemplate(selector) {
  const { content } = find(selector, HTMLTemplateElement);
  return /** @type {HTMLElement} */ (content.firstElementChild.cloneNode(true));
}

/** Get the element that an event happened to. @param {Event} event */
export const targetOf = (event) => /** @type {HTMLElement} */ (event.target);
