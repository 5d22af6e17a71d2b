/** Hint files, in the format of `rechroma colorize --hints`. */

const FORMAT = 1;
const MAX_HINTS = 256;

/** @typedef {import("./store.js").Hint} Hint */

/** @param {Hint[]} hints @returns {string | undefined} JSON; undefined without hints */
export function serializeHints(hints) {
  return hints.length ? JSON.stringify({ format: FORMAT, hints: listHints(hints) }) : undefined;
}

/** List hints as JSON has them, from which undefined values are left out. @param {Hint[]} hints */
export const listHints = (hints) => hints.map(({ x, y, color, radius, onlyHere }) => (
  { x, y, color, radius, only_here: onlyHere || undefined }));

let nextId = 1;

/** @param {number} x @param {number} y @param {string} color @returns {Hint} */
export const createHint = (x, y, color) => ({ id: nextId++, x, y, color });

/**
 * @param {string} text
 * @returns {Hint[]}
 * @throws {Error} the text is not a hint file
 */
export function parseHints(text) {
  const { format, hints } = JSON.parse(text);
  if (format !== FORMAT) throw new Error("not a hint file");
  return readHints(hints);
}

/** Read a list that `listHints` made. @param {any} list @returns {Hint[]} @throws {Error} it is invalid */
export function readHints(list) {
  const isValid = Array.isArray(list) && list.length <= MAX_HINTS && list.every(isHint);
  if (!isValid) throw new Error("not hints");
  return list.map(({ x, y, color, radius, only_here: onlyHere }) => (
    { ...createHint(x, y, color.toLowerCase()), radius: radius ?? undefined, onlyHere }));
}

/** @param {Record<string, unknown>} value */
function isHint({ x, y, color, radius, only_here: onlyHere }) {
  /** @param {unknown} value */
  const isFraction = (value) => typeof value === "number" && value >= 0 && value <= 1;
  const isColor = typeof color === "string" && /^#[0-9a-f]{6}$/i.test(color);
  const isRadius = (radius ?? null) === null || (radius !== 0 && isFraction(radius));
  return isFraction(x) && isFraction(y) && isColor && isRadius && ["undefined", "boolean"].includes(typeof onlyHere);
}
