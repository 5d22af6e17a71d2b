/** Files of hints, as `rechroma colorize --hints` reads them. */

const FORMAT = 1;
const MAX_HINTS = 1000;

/** @typedef {import("./store.js").Hint} Hint */

/** @param {Hint[]} hints @returns {string | undefined} JSON; nothing if there are none */
export function serializeHints(hints) {
  if (!hints.length) return undefined;
  return JSON.stringify({ format: FORMAT, hints: hints.map(({ x, y, color }) => ({ x, y, color })) });
}

let nextId = 1;

/** @returns {Hint} */
export const createHint = (x, y, color) => ({ id: nextId++, x, y, color });

/**
 * @param {string} text
 * @returns {Hint[]}
 * @throws {Error} it is no file of hints
 */
export function parseHints(text) {
  const { format, hints } = JSON.parse(text);
  const isFine = format === FORMAT && Array.isArray(hints) && hints.length <= MAX_HINTS;
  if (!isFine || !hints.every(isHint)) throw new Error("not a file of hints");
  return hints.map(({ x, y, color }) => createHint(x, y, color.toLowerCase()));
}

function isHint({ x, y, color }) {
  const isShare = (value) => typeof value === "number" && value >= 0 && value <= 1;
  return isShare(x) && isShare(y) && /^#[0-9a-f]{6}$/i.test(color);
}
