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
  const copy = /** @type {DocumentFragment} */ (content.cloneNode(true));
  return find("*", HTMLElement, copy);
}

/**
 * Get the drawing context of a canvas; pixels that are read back often stay in main memory.
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasRenderingContext2DSettings} [settings]
 */
export function contextOf(canvas, settings) {
  const context = canvas.getContext("2d", settings);
  if (!context) throw new TypeError("canvas has no 2D context");
  return context;
}

/** Get the element that an event happened to. @param {Event} event */
export const targetOf = (event) => /** @type {HTMLElement} */ (event.target);
