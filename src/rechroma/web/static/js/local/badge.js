/** The visible mark that a model made the colors, as the Python package draws it. */

const SIZE = 0.045; // of the short side
const MIN_SIDE = 12; // pixels
const MARGIN = 0.4; // of the disc's side
const HUES = ["#d9534f", "#e39b3c", "#e8d44d", "#5fae57", "#4a86c5", "#8a63b5"];
const GRAYS = ["#3a3a3a", "#6e6e6e", "#a8a8a8"];

/**
 * Draw the badge into the lower right corner.
 * @param {OffscreenCanvasRenderingContext2D} context
 * @param {number} width
 * @param {number} height
 */
export function drawBadge(context, width, height) {
  const side = Math.max(MIN_SIDE, Math.round(SIZE * Math.min(width, height)));
  const margin = Math.round(MARGIN * side);
  const x = Math.max(width - margin - side, 0) + side / 2;
  const y = Math.max(height - margin - side, 0) + side / 2;
  fillSector(context, "white", { x, y, radius: side / 2 }, 0, 2 * Math.PI);
  for (const [colors, start] of /** @type {[string[], number][]} */ ([[HUES, -Math.PI / 2], [GRAYS, Math.PI / 2]])) {
    const angle = Math.PI / colors.length;
    colors.forEach((color, number) =>
      fillSector(context, color, { x, y, radius: 0.4 * side }, start + number * angle, start + (number + 1) * angle));
  }
}

/**
 * @param {OffscreenCanvasRenderingContext2D} context
 * @param {string} color
 * @param {{x: number, y: number, radius: number}} circle
 * @param {number} start
 * @param {number} end
 */
function fillSector(context, color, { x, y, radius }, start, end) {
  context.fillStyle = color;
  context.beginPath();
  context.moveTo(x, y);
  context.arc(x, y, radius, start, end);
  context.fill();
}
