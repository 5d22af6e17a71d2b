/** Hint files, in the format of `rechroma colorize --hints`. */

const FORMAT = 1;
const MAX_HINTS = 1000;

/** @typedef {import("./store.js").Hint} Hint */

/** @param {Hint[]} hints @returns {string | undefined} JSON; undefined without hints */
export function serializeHints(hints) {
  if (!hints.length) return undefined;
  return JSON.stringify({ format: FORMAT, hints: hints.map(({ x, y, color }) => ({ x, y, color })) });
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
  return hints.map(({ x, y, color }) => createHint(x, y, color.toLowerCase()));
}

/** @param {Record<string, unknown>} value */
function isHint({ x, y, color }) {
  /** @param {unknown} value */
  const isFraction = (value) => typeof value === "number" && value >= 0 && value <= 1;
  return isFraction(x) && isFraction(y) && typeof color === "string" && /^#[0-9a-f]{6}$/i.test(color);
}
