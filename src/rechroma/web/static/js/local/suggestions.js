/** Probable colors at a point, from the network's distribution over color bins. */

import { labToHex, lightness } from "../color/colorspace.js";
import { pixelsAt } from "./modelInput.js";

const COUNT = 6;
const APART = 18; // a*b* units: closer colors look alike and are merged

/**
 * Find the most probable, clearly different colors by greedy mode seeking: the most probable bin
 * absorbs all bins around it and becomes their mean, and so on with the rest.
 * @param {number[]} probabilities of each bin
 * @param {[number, number][]} bins
 * @returns {{a: number, b: number, probability: number}[]} the most probable first
 */
export function findDominant(probabilities, bins) {
  const left = [...probabilities];
  const found = [];
  for (let turn = 0; turn < COUNT; turn++) {
    const [bestA, bestB] = bins[left.indexOf(Math.max(...left))];
    const near = bins.flatMap(([a, b], bin) => (Math.hypot(a - bestA, b - bestB) < APART ? [bin] : []));
    const probability = near.reduce((sum, bin) => sum + left[bin], 0);
    if (probability <= 0) break;
    const [a, b] = [0, 1].map((axis) => near.reduce((sum, bin) => sum + left[bin] * bins[bin][axis], 0) / probability);
    found.push({ a, b, probability });
    for (const bin of near) left[bin] = 0;
  }
  return found.sort((one, other) => other.probability - one.probability);
}

/**
 * Read the probabilities at a point from the output of the network.
 * @param {Float32Array} output planes, one for each bin
 * @param {import("./modelInput.js").ModelInput} input
 * @param {import("./modelInput.js").ModelFacts} model
 * @param {{x: number, y: number}} point
 */
export function probabilitiesAt(output, { lightness: light, padded }, { distribution_scale: scale, bins }, { x, y }) {
  const [width, height] = [light.width, light.height].map((side) => Math.ceil(side / scale));
  const at = pixelsAt(y, height).from * (padded.width / scale) + pixelsAt(x, width).from;
  const size = (padded.width / scale) * (padded.height / scale);
  return bins.map((_, bin) => output[bin * size + at]);
}

/**
 * Compute the mean lightness around a point.
 * @param {import("./modelInput.js").GrayPlane} gray
 * @param {{x: number, y: number}} point
 */
export function meanLightness({ width, height, data }, { x, y }) {
  const side = 2 * Math.floor(Math.max(width, height) / 100) + 1;
  const [rows, columns] = [pixelsAt(y, height, side), pixelsAt(x, width, side)];
  let sum = 0;
  for (let row = rows.from; row < rows.to; row++) {
    for (let column = columns.from; column < columns.to; column++) sum += lightness(data[row * width + column]);
  }
  return sum / ((rows.to - rows.from) * (columns.to - columns.from));
}

/** @param {ReturnType<typeof findDominant>} dominant @param {number} light @returns {import("../backend.js").Suggestion[]} */
export const toSuggestions = (dominant, light) =>
  dominant.map(({ a, b, probability }) => ({ color: labToHex(light, a, b), probability }));
