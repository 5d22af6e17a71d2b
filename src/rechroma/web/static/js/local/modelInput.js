/** The downscaled, padded input of the network, and how its output maps to the image. */

import { hexToLab, lightness } from "../color/colorspace.js";
import { crop, resizeCubic, roundEven, shrink } from "./resize.js";

const MIN_UPSCALED_SIDE = 96; // only smaller images are enlarged
const HINT_SIDE = 7 / 256; // side of a hint's square, relative to the long side of the image

/** L* of each level. */
const LIGHTNESS = Float32Array.from({ length: 256 }, (_, level) => lightness(level));

/** @typedef {import("./resize.js").Plane<Uint8Array>} GrayPlane */
/** @typedef {import("./resize.js").Plane<Float32Array>} NumberPlane */
/** @typedef {import("../state/store.js").Hint} Hint */

/**
 * What the runtime needs to know of a model, from its card.
 * @typedef {object} ModelFacts
 * @property {string} name
 * @property {string} description
 * @property {boolean} hints whether it supports hints
 * @property {number} size long side of its input
 * @property {number} stride of which width and height of its input are multiples
 * @property {number} scale of its input over its chroma
 * @property {number} distribution_scale of its input over its distribution
 * @property {[number, number][]} bins a* and b* of the color bins
 */

/**
 * @typedef {object} ModelInput
 * @property {NumberPlane} lightness L*, without the padding
 * @property {NumberPlane} padded the same, padded by reflection to the model's stride
 */

/**
 * Downscale and pad an image.
 * @param {GrayPlane} gray
 * @param {ModelFacts} model
 * @returns {ModelInput}
 */
export function createModelInput(gray, model) {
  const { width, height } = inputSize(gray, model);
  const small = resizeGray(gray, width, height);
  const light = { width, height, data: Float32Array.from(small.data, (level) => LIGHTNESS[level]) };
  return { lightness: light, padded: padByReflection(light, model.stride) };
}

/** @param {GrayPlane} gray @param {ModelFacts} model */
function inputSize({ width, height }, { size, scale }) {
  const longest = Math.max(width, height);
  const factor = Math.min(size, Math.max(longest, MIN_UPSCALED_SIDE)) / longest;
  /** @param {number} side */
  const resize = (side) => Math.max(roundEven((side * factor) / scale), 1) * scale;
  return { width: resize(width), height: resize(height) };
}

/**
 * Resize an image; a large one is first shrunk by a whole factor, which is fast.
 * @param {GrayPlane} gray
 * @param {number} width
 * @param {number} height
 */
function resizeGray(gray, width, height) {
  const factor = Math.floor(Math.min(Math.floor(gray.width / width), Math.floor(gray.height / height)) / 2);
  if (factor > 1) {
    const [columns, rows] = [Math.floor(gray.width / factor), Math.floor(gray.height / factor)];
    gray = shrink(crop(gray, columns * factor, rows * factor), columns, rows);
  }
  const shrinks = width <= gray.width && height <= gray.height;
  return shrinks ? shrink(gray, width, height) : resizeCubic(gray, width, height);
}

/** @param {NumberPlane} plane @param {number} stride @returns {NumberPlane} */
function padByReflection(plane, stride) {
  const [width, height] = [plane.width, plane.height].map((side) => Math.ceil(side / stride) * stride);
  const data = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    const row = reflect(y, plane.height) * plane.width;
    for (let x = 0; x < width; x++) data[y * width + x] = plane.data[row + reflect(x, plane.width)];
  }
  return { width, height, data };
}

/** Reflect an index into a length, without repeating the edge. @param {number} index @param {number} length */
function reflect(index, length) {
  const period = Math.max(2 * (length - 1), 1);
  const at = index % period;
  return at < length ? at : period - at;
}

/**
 * Rasterize hints as network input: planes of a*, of b*, and of a mask that is 1 at the hints.
 * @param {Hint[]} hints later ones override earlier ones
 * @param {ModelInput} input
 */
export function createHintMap(hints, { lightness: { width, height }, padded }) {
  const size = padded.width * padded.height;
  const map = new Float32Array(3 * size);
  const side = Math.max(1, roundEven(HINT_SIDE * Math.max(height, width)));
  for (const { x, y, color } of hints) {
    const [, a, b] = hexToLab(color);
    const [rows, columns] = [pixelsAt(y, height, side), pixelsAt(x, width, side)];
    for (let row = rows.from; row < rows.to; row++) {
      for (let at = row * padded.width + columns.from; at < row * padded.width + columns.to; at++) {
        map[at] = a;
        map[size + at] = b;
        map[2 * size + at] = 1;
      }
    }
  }
  return map;
}

/**
 * Get the pixels around a point along one axis of an image.
 * @param {number} at the point, from 0 at one end to 1 at the other
 * @param {number} length of the axis in pixels
 * @param {number} side the number of pixels, centered on the point
 */
export function pixelsAt(at, length, side = 1) {
  const start = Math.min(Math.floor(at * length), length - 1) - Math.floor(side / 2);
  return { from: Math.max(start, 0), to: Math.min(start + side, length) };
}

/**
 * Crop the padding from an output with two planes, a* and b*.
 * @param {Float32Array} output
 * @param {ModelInput} input
 * @param {number} scale of the input over the output
 * @returns {import("../color/render.js").Chroma}
 */
export function unpadChroma(output, { lightness: light, padded }, scale) {
  const [width, height] = [Math.ceil(light.width / scale), Math.ceil(light.height / scale)];
  const [stride, size] = [padded.width / scale, output.length / 2];
  const data = new Float32Array(2 * width * height);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++, to += 2) {
      data[to] = output[y * stride + x];
      data[to + 1] = output[size + y * stride + x];
    }
  }
  return { width, height, data };
}
