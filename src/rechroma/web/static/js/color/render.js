/**
 * The renderer: combines the gray pixels of an image with its upsampled chroma.
 *
 * The upsampling is bicubic with aligned pixel centers and repeated edges, as in the service.
 */

import { writePixel } from "./colorspace.js";

const SHARPNESS = -0.75; // the free parameter of the cubic kernel

/**
 * @typedef {{width: number, height: number, data: Float32Array}} Chroma pairs of a* and b*
 * @typedef {{x: number, y: number, width: number, height: number}} Region in fractions of the image
 * @typedef {{width: number, height: number, data: Uint8ClampedArray}} Pixels RGBA
 * @typedef {{indices: Int32Array, weights: Float32Array}} Taps of an interpolation
 */

/** The region of a whole image. @type {Region} */
export const WHOLE = { x: 0, y: 0, width: 1, height: 1 };

/**
 * Color a part of an image.
 * @param {Pixels} gray transparent pixels stay transparent
 * @param {Chroma} chroma of the whole image, already adjusted
 * @param {Region} region that `gray` shows; it may extend beyond the image
 * @param {Uint8ClampedArray} out of the size of `gray.data`
 */
export function paint(gray, chroma, region, out) {
  const columns = computeTaps(gray.width, region.x, region.width, chroma.width);
  const rows = computeTaps(gray.height, region.y, region.height, chroma.height);
  const first = rows.indices[0]; // of the rows that the region needs, from top to bottom
  const last = rows.indices[rows.indices.length - 1];
  const wide = upsampleRows(chroma, first, last, columns, gray.width);
  const row = new Float32Array(2 * gray.width);
  for (let y = 0; y < gray.height; y++) {
    mixRows(wide, first, rows, y, row);
    paintRow(gray.data, row, y * gray.width * 4, out);
  }
}

/**
 * @param {Uint8ClampedArray} gray
 * @param {Float32Array} row
 * @param {number} start
 * @param {Uint8ClampedArray} out
 */
function paintRow(gray, row, start, out) {
  for (let x = 0, at = start; x < row.length; x += 2, at += 4) {
    out[at + 3] = gray[at + 3];
    if (gray[at + 3]) writePixel(gray[at], row[x], row[x + 1], out, at);
  }
}

/**
 * Compute the indices and the weights of four samples for each of `count` positions.
 * @param {number} count
 * @param {number} start
 * @param {number} length
 * @param {number} samples
 * @returns {Taps}
 */
function computeTaps(count, start, length, samples) {
  const indices = new Int32Array(4 * count);
  const weights = new Float32Array(4 * count);
  for (let i = 0; i < count; i++) {
    const position = (start + ((i + 0.5) / count) * length) * samples - 0.5;
    const first = Math.floor(position) - 1;
    for (let tap = 0; tap < 4; tap++) {
      indices[4 * i + tap] = Math.min(Math.max(first + tap, 0), samples - 1);
      weights[4 * i + tap] = cubic(Math.abs(position - first - tap));
    }
  }
  return { indices, weights };
}

/**
 * Compute the cubic convolution kernel of Keys (1981) at a distance of 0..2 samples.
 * @param {number} distance
 */
function cubic(distance) {
  if (distance <= 1) return ((SHARPNESS + 2) * distance - (SHARPNESS + 3)) * distance ** 2 + 1;
  return SHARPNESS * (((distance - 5) * distance + 8) * distance - 4);
}

/**
 * Upsample rows of the chroma to the width of the part.
 * @param {Chroma} chroma
 * @param {number} first
 * @param {number} last
 * @param {Taps} taps
 * @param {number} width
 */
function upsampleRows(chroma, first, last, { indices, weights }, width) {
  return Array.from({ length: last - first + 1 }, (_, at) => {
    const start = 2 * (first + at) * chroma.width;
    const source = chroma.data.subarray(start, start + 2 * chroma.width);
    const row = new Float32Array(2 * width);
    for (let tap = 0; tap < indices.length; tap++) {
      const to = 2 * (tap >> 2);
      row[to] += weights[tap] * source[2 * indices[tap]];
      row[to + 1] += weights[tap] * source[2 * indices[tap] + 1];
    }
    return row;
  });
}

/** @param {Float32Array[]} wide @param {number} first the row of the chroma that `wide` starts with @param {Taps} taps @param {number} y @param {Float32Array} into */
function mixRows(wide, first, { indices, weights }, y, into) {
  const [a, b, c, d] = Array.from(indices.subarray(4 * y, 4 * y + 4), (index) => wide[index - first]);
  const [wa, wb, wc, wd] = weights.subarray(4 * y, 4 * y + 4);
  for (let x = 0; x < into.length; x++) into[x] = wa * a[x] + wb * b[x] + wc * c[x] + wd * d[x];
}
