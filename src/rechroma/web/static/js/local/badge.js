/** The visible mark that a model made the colors, as the Python package draws it. */

const SIZE = 0.045; // of the short side
const MIN_SIDE = 12; // pixels
const MARGIN = 0.4; // of the disc's side
const RADIUS = 0.4; // of the colors, relative to the disc's side
const HUES = ["#d9534f", "#e39b3c", "#e8d44d", "#5fae57", "#4a86c5", "#8a63b5"];
const GRAYS = ["#3a3a3a", "#6e6e6e", "#a8a8a8"];

/** @typedef {{left: number, top: number, disc: ImageData}} Badge at a place in an image */

/** Create the badge for the lower right corner of an image. @param {number} width @param {number} height @returns {Badge} */
export function createBadge(width, height) {
  const side = Math.max(MIN_SIDE, Math.round(SIZE * Math.min(width, height)));
  const margin = Math.round(MARGIN * side);
  const context = new OffscreenCanvas(side, side).getContext("2d");
  if (!context) throw new TypeError("canvas has no 2D context");
  fillSector(context, "white", side / 2, [0, 2 * Math.PI]);
  for (const [colors, start] of /** @type {[string[], number][]} */ ([[HUES, -Math.PI / 2], [GRAYS, Math.PI / 2]])) {
    const angle = Math.PI / colors.length;
    colors.forEach((color, number) =>
      fillSector(context, color, RADIUS * side, [start + number * angle, start + (number + 1) * angle]));
  }
  return {
    left: Math.max(width - margin - side, 0),
    top: Math.max(height - margin - side, 0),
    disc: context.getImageData(0, 0, side, side),
  };
}

/**
 * @param {OffscreenCanvasRenderingContext2D} context a square one
 * @param {string} color
 * @param {number} radius
 * @param {[number, number]} angles
 */
function fillSector(context, color, radius, [start, end]) {
  const center = context.canvas.width / 2;
  context.fillStyle = color;
  context.beginPath();
  context.moveTo(center, center);
  context.arc(center, center, radius, start, end);
  context.fill();
}

/**
 * Draw a badge into a strip of its image, which becomes opaque under it.
 * @param {ImageData} strip
 * @param {number} top of the strip
 * @param {Badge} badge
 */
export function drawBadge({ width, height, data }, top, { left, top: badgeTop, disc }) {
  for (let y = 0; y < disc.height; y++) {
    const row = badgeTop + y - top;
    if (row < 0 || row >= height) continue;
    for (let x = 0; x < disc.width && left + x < width; x++) {
      const [from, to] = [4 * (y * disc.width + x), 4 * (row * width + left + x)];
      const cover = disc.data[from + 3] / 255;
      for (let channel = 0; channel < 3; channel++) {
        data[to + channel] += (disc.data[from + channel] - data[to + channel]) * cover;
      }
      data[to + 3] = Math.max(data[to + 3], disc.data[from + 3]);
    }
  }
}
