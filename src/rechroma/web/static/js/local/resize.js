/**
 * Resizing of images with one channel, as OpenCV does it for the Python package: the network then
 * gets the same input, level by level.
 *
 * @typedef {Uint8Array | Float32Array} Samples levels are rounded, numbers are not
 */

/** @template {Samples} [T=Samples] @typedef {{width: number, height: number, data: T}} Plane */
/** @typedef {{from: number, to: number, weights: Float32Array}} Span samples that make up one */

const { fround } = Math;
const NEGLIGIBLE = 1e-3; // of a sample: a smaller part of it is left out
const SHARPNESS = -0.75; // the free parameter of the cubic kernel

/** Round to the nearest whole number, and halves to the even one. @param {number} value */
export function roundEven(value) {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 ? rounded - 1 : rounded;
}

/** Crop a plane to its upper left corner. @template {Samples} T @param {Plane<T>} plane @param {number} width @param {number} height @returns {Plane<T>} */
export function crop(plane, width, height) {
  if (width === plane.width && height === plane.height) return plane;
  const data = createLike(plane.data, width * height);
  for (let y = 0; y < height; y++) {
    data.set(plane.data.subarray(y * plane.width, y * plane.width + width), y * width);
  }
  return { width, height, data };
}

/** @template {Samples} T @param {T} data @param {number} length @returns {T} */
function createLike(data, length) {
  return /** @type {T} */ (data instanceof Uint8Array ? new Uint8Array(length) : new Float32Array(length));
}

/**
 * Shrink a plane by averaging areas (INTER_AREA).
 * @template {Samples} T
 * @param {Plane<T>} plane
 * @param {number} width at most that of the plane
 * @param {number} height
 * @returns {Plane<T>}
 */
export function shrink(plane, width, height) {
  if (width === plane.width && height === plane.height) return plane;
  const isWhole = plane.width % width === 0 && plane.height % height === 0;
  return isWhole ? averageBlocks(plane, width, height) : averageAreas(plane, width, height);
}

/** @template {Samples} T @param {Plane<T>} plane @param {number} width @param {number} height @returns {Plane<T>} */
function averageBlocks({ data: source, ...size }, width, height) {
  const [across, down] = [size.width / width, size.height / height];
  const data = createLike(source, width * height);
  const scale = fround(1 / (across * down));
  const isQuarter = across === 2 && down === 2;
  const isLevels = source instanceof Uint8Array;
  const sums = new Float64Array(width);
  for (let y = 0; y < height; y++) {
    sums.fill(0);
    for (let row = y * down; row < (y + 1) * down; row++) {
      let at = row * size.width;
      for (let x = 0; x < width; x++) {
        for (let end = at + across; at < end; at++) sums[x] += source[at];
      }
    }
    for (let x = 0; x < width; x++) {
      const mean = isQuarter && isLevels ? (sums[x] + 2) >> 2 : fround(fround(sums[x]) * scale);
      data[y * width + x] = isLevels ? roundEven(mean) : mean;
    }
  }
  return { width, height, data };
}

/** @template {Samples} T @param {Plane<T>} plane @param {number} width @param {number} height @returns {Plane<T>} */
function averageAreas({ data: source, ...size }, width, height) {
  const columns = computeSpans(size.width, width);
  const rows = computeSpans(size.height, height);
  const data = createLike(source, width * height);
  const isLevels = source instanceof Uint8Array;
  const [row, sums] = [new Float32Array(width), new Float32Array(width)];
  rows.forEach(({ from, to, weights }, y) => {
    sums.fill(0);
    for (let at = from; at < to; at++) {
      averageRow(source, at * size.width, columns, row);
      const weight = weights[at - from];
      for (let x = 0; x < width; x++) sums[x] += fround(weight * row[x]);
    }
    for (let x = 0; x < width; x++) data[y * width + x] = isLevels ? roundEven(sums[x]) : sums[x];
  });
  return { width, height, data };
}

/** @param {Samples} source @param {number} start @param {Span[]} columns @param {Float32Array} into */
function averageRow(source, start, columns, into) {
  for (let x = 0; x < columns.length; x++) {
    const { from, to, weights } = columns[x];
    let sum = 0;
    for (let at = from; at < to; at++) sum = fround(sum + fround(source[start + at] * weights[at - from]));
    into[x] = sum;
  }
}

/**
 * Compute which samples make up each sample of a shorter row, and their weights.
 * @param {number} length
 * @param {number} shorter
 * @returns {Span[]}
 */
function computeSpans(length, shorter) {
  const scale = length / shorter;
  return Array.from({ length: shorter }, (_, index) => {
    const [start, end] = [index * scale, (index + 1) * scale];
    const width = Math.min(scale, length - start);
    const last = Math.min(Math.floor(end), length - 1);
    const first = Math.min(Math.ceil(start), last);
    const hasHead = first - start > NEGLIGIBLE;
    const hasTail = end - last > NEGLIGIBLE;
    const weights = Array.from({ length: last - first }, () => 1 / width);
    if (hasHead) weights.unshift((first - start) / width);
    if (hasTail) weights.push(Math.min(end - last, 1, width) / width);
    return { from: first - Number(hasHead), to: last + Number(hasTail), weights: Float32Array.from(weights) };
  });
}

/**
 * Resize levels bicubically (INTER_CUBIC).
 * @param {Plane<Uint8Array>} plane
 * @param {number} width
 * @param {number} height
 * @returns {Plane<Uint8Array>}
 */
export function resizeCubic({ data: source, ...size }, width, height) {
  const columns = computeCubicTaps(size.width, width);
  const rows = computeCubicTaps(size.height, height);
  const wide = Array.from({ length: size.height }, (_, y) => Float64Array.from(columns, ({ indices, weights }) =>
    weights.reduce((sum, weight, tap) => sum + weight * source[y * size.width + indices[tap]], 0)));
  const data = new Uint8Array(width * height);
  rows.forEach(({ indices, weights }, y) => {
    for (let x = 0; x < width; x++) {
      const sum = weights.reduce((total, weight, tap) => total + weight * wide[indices[tap]][x], 0);
      data[y * width + x] = Math.min(Math.max(roundEven(sum), 0), 255);
    }
  });
  return { width, height, data };
}

/** @param {number} length @param {number} count @returns {{indices: number[], weights: number[]}[]} */
function computeCubicTaps(length, count) {
  return Array.from({ length: count }, (_, index) => {
    const position = fround((index + 0.5) * (length / count) - 0.5);
    const first = Math.floor(position);
    const distance = position - first;
    const three = [distance + 1, distance, 1 - distance].map(keysKernel);
    const weights = [...three, 1 - three[0] - three[1] - three[2]].map(fround);
    const indices = [-1, 0, 1, 2].map((tap) => Math.min(Math.max(first + tap, 0), length - 1));
    return { indices, weights };
  });
}

/** Compute the kernel of Keys (1981). @param {number} distance 0..2 samples */
function keysKernel(distance) {
  if (distance <= 1) return ((SHARPNESS + 2) * distance - (SHARPNESS + 3)) * distance ** 2 + 1;
  return SHARPNESS * (((distance - 5) * distance + 8) * distance - 4);
}

/**
 * Resize numbers bilinearly (INTER_LINEAR).
 * @param {Plane<Float32Array>} plane
 * @param {number} width
 * @param {number} height
 * @returns {Plane<Float32Array>}
 */
export function resizeLinear({ data: source, ...size }, width, height) {
  const columns = computeLinearTaps(size.width, width);
  const rows = computeLinearTaps(size.height, height);
  const data = new Float32Array(width * height);
  rows.forEach(([top, down], y) => {
    const [upper, lower] = [top * size.width, Math.min(top + 1, size.height - 1) * size.width];
    columns.forEach(([left, right], x) => {
      const next = Math.min(left + 1, size.width - 1);
      const above = source[upper + left] * (1 - right) + source[upper + next] * right;
      const below = source[lower + left] * (1 - right) + source[lower + next] * right;
      data[y * width + x] = above * (1 - down) + below * down;
    });
  });
  return { width, height, data };
}

/** Compute the first of two samples for each position, and the weight of the second. @param {number} length @param {number} count @returns {[number, number][]} */
function computeLinearTaps(length, count) {
  return Array.from({ length: count }, (_, index) => {
    const position = (index + 0.5) * (length / count) - 0.5;
    const first = Math.floor(position);
    if (first < 0) return [0, 0];
    return first >= length - 1 ? [length - 1, 0] : [first, position - first];
  });
}
