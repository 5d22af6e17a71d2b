/** EXIF's orientation: how an image is turned upright, for places in it. */

/** @typedef {[number, number]} Size width and height */
/** @typedef {[number, number, number, number]} Box a place, and the width and height of what is there */

/** By orientation: whether the axes are swapped, and after that mirrored across and down. @type {Record<number, [boolean, boolean, boolean]>} */
const TO_UPRIGHT = {
  1: [false, false, false], 2: [false, true, false], 3: [false, true, true], 4: [false, false, true],
  5: [true, false, false], 6: [true, true, false], 7: [true, true, true], 8: [true, false, true],
};

/** Take an invalid orientation, or none, for upright. @param {number | undefined} value */
export const toOrientation = (value) => (value !== undefined && value in TO_UPRIGHT ? value : 1);

/**
 * Create the matrix of a canvas that draws an image upright.
 * @param {Size} size of the upright image
 * @param {number} orientation
 * @returns {[number, number, number, number, number, number]}
 */
export function uprightMatrix([width, height], orientation) {
  const [isSwapped, isMirroredAcross, isMirroredDown] = TO_UPRIGHT[orientation];
  const [across, down] = [isMirroredAcross ? -1 : 1, isMirroredDown ? -1 : 1];
  const origin = /** @type {const} */ ([isMirroredAcross ? width : 0, isMirroredDown ? height : 0]);
  return isSwapped ? [0, down, across, 0, ...origin] : [across, 0, 0, down, ...origin];
}

/** Turn a point, in fractions of the width and of the height. @param {[number, number]} point @param {number} orientation @returns {[number, number]} */
export function turnPoint(point, orientation) {
  const [, isMirroredAcross, isMirroredDown] = TO_UPRIGHT[orientation];
  const [across, down] = turnExtent(point, orientation);
  return [isMirroredAcross ? 1 - across : across, isMirroredDown ? 1 - down : down];
}

/** Turn width and height, of a part or of the whole. @param {Size} extent @param {number} orientation @returns {Size} */
export const turnExtent = ([width, height], orientation) =>
  (TO_UPRIGHT[orientation][0] ? [height, width] : [width, height]);

/**
 * Turn a part of an image.
 * @param {Box} box
 * @param {number} orientation
 * @param {boolean} fromCorner whether the place is the upper left corner of the part, not its center
 * @returns {Box}
 */
export function turnBox([x, y, boxWidth, boxHeight], orientation, fromCorner = false) {
  const toCenter = fromCorner ? 0.5 : 0;
  const center = turnPoint([x + toCenter * boxWidth, y + toCenter * boxHeight], orientation);
  const [width, height] = turnExtent([boxWidth, boxHeight], orientation);
  return [center[0] - toCenter * width, center[1] - toCenter * height, width, height];
}
