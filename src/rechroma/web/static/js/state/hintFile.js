/** Hint files, in the format of `rechroma colorize --hints`. */

const FORMAT = 1;
const MAX_HINTS = 256;

/** @typedef {import("./store.js").Hint} Hint */

/** @param {Hint[]} hints @returns {string | undefined} JSON; undefined without hints */
export function serializeHints(hints) {
  if (!hints.length) return undefined;
  const list = hints.map(({ x, y, color, radius, onlyHere }) => (
    { x, y, color, radius, only_here: onlyHere || undefined })); // undefined is left out of JSON
  return JSON.stringify({ format: FORMAT, hints: list });
}

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
  const isValid = format === FORMAT && Array.isArray(hints) && hints.length <= MAX_HINTS;
  if (!isValid || !hints.every(isHint)) throw new Error("not a hint file");
  return hints.map(({ x, y, color, radius, only_here: onlyHere }) => (
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
