/**
 * Color space conversions: CIE L*a*b* (D65) to and from sRGB, the gamut of sRGB, and adjustments.
 *
 * The formulas and constants are those of the Python package (`rechroma.color`, `rechroma.options`),
 * so that the page shows what the service writes.
 */

const WHITE = [0.950456, 1.0, 1.088754];
const RGB_TO_XYZ = [
  [0.412453, 0.35758, 0.180423],
  [0.212671, 0.71516, 0.072169],
  [0.019334, 0.119193, 0.950227],
];
const KNEE = 6 / 29; // CIE 15: below it the cube is replaced by its tangent
const SLOPE = 3 * KNEE * KNEE;
const TOLERANCE = 1e-4; // linear light that a color may be out of gamut
const ENCODED_STEPS = 16384; // fine enough for the steep start of sRGB's curve
const WARM_SHIFT = [3, 12]; // a* and b* that warmth 1 adds to vivid colors
const WARM_HALF_CHROMA = 10; // chroma at which half of that is added

const XYZ_TO_RGB = inverse(RGB_TO_XYZ.map((row, i) => row.map((value) => value / WHITE[i])));
const [[RX, RY, RZ], [GX, GY, GZ], [BX, BY, BZ]] = XYZ_TO_RGB;

/** Linear light (0..1) of each sRGB level. */
const LINEAR = Float64Array.from({ length: 256 }, (_, level) => decodeSrgb(level / 255));

/** CIE's f(Y) of each level of gray. */
const RESPONSE = LINEAR.map(labF);

/** sRGB levels of linear light in steps. */
const ENCODED = Uint8ClampedArray.from(
  { length: ENCODED_STEPS + 1 },
  (_, step) => 255 * encodeSrgb(step / ENCODED_STEPS),
);

/** @param {number[][]} m three by three @returns {number[][]} */
function inverse([[a, b, c], [d, e, f], [g, h, i]]) {
  const det = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  return [
    [e * i - f * h, c * h - b * i, b * f - c * e],
    [f * g - d * i, a * i - c * g, c * d - a * f],
    [d * h - e * g, b * g - a * h, a * e - b * d],
  ].map((row) => row.map((value) => value / det));
}

/** @param {number} encoded */
function decodeSrgb(encoded) {
  return encoded <= 0.04045 ? encoded / 12.92 : ((encoded + 0.055) / 1.055) ** 2.4;
}

/** @param {number} linear */
function encodeSrgb(linear) {
  return linear <= 0.0031308 ? linear * 12.92 : 1.055 * linear ** (1 / 2.4) - 0.055;
}

/** @param {number} t */
function labF(t) {
  return t > KNEE ** 3 ? Math.cbrt(t) : t / SLOPE + 16 / 116;
}

/** @param {number} f */
function inverseLabF(f) {
  return f > KNEE ? f * f * f : SLOPE * (f - 16 / 116);
}

/** @param {number} linear */
function toLevel(linear) {
  return ENCODED[Math.min(Math.max(linear, 0), 1) * ENCODED_STEPS + 0.5 | 0];
}

/** @param {number} level of gray, 0..255 @returns {number} L*, 0..100 */
export function lightness(level) {
  return 116 * RESPONSE[level] - 16;
}

/**
 * Turn pixels gray, at their luminance.
 * @param {Uint8ClampedArray} rgba changed in place
 */
export function makeGray(rgba) {
  const [red, green, blue] = RGB_TO_XYZ[1];
  for (let at = 0; at < rgba.length; at += 4) {
    if (rgba[at] === rgba[at + 1] && rgba[at] === rgba[at + 2]) continue;
    const light = red * LINEAR[rgba[at]] + green * LINEAR[rgba[at + 1]] + blue * LINEAR[rgba[at + 2]];
    rgba[at] = rgba[at + 1] = rgba[at + 2] = toLevel(light);
  }
}

/**
 * Convert a color to linear light; outside 0..1 it is out of gamut.
 * @param {number} fy CIE's f(Y)
 * @param {number} a
 * @param {number} b
 * @param {Float64Array} into three channels
 */
function toLinearRgb(fy, a, b, into) {
  const x = inverseLabF(fy + a / 500);
  const y = inverseLabF(fy);
  const z = inverseLabF(fy - b / 200);
  into[0] = RX * x + RY * y + RZ * z;
  into[1] = GX * x + GY * y + GZ * z;
  into[2] = BX * x + BY * y + BZ * z;
}

/** @param {Float64Array} rgb @param {number} tolerance */
function isOutside(rgb, tolerance) {
  const top = 1 + tolerance;
  return rgb[0] < -tolerance || rgb[1] < -tolerance || rgb[2] < -tolerance
    || rgb[0] > top || rgb[1] > top || rgb[2] > top;
}

const scratch = new Float64Array(3);

/** Whether a color is in the gamut of sRGB. @param {number} light @param {number} a @param {number} b */
export function isInGamut(light, a, b) {
  toLinearRgb((light + 16) / 116, a, b, scratch);
  return !isOutside(scratch, TOLERANCE);
}

/**
 * Write a gray pixel in color, with its chroma reduced to the gamut.
 * @param {number} level of gray, 0..255
 * @param {number} a
 * @param {number} b
 * @param {Uint8ClampedArray} out
 * @param {number} at the index of its red
 */
export function writePixel(level, a, b, out, at) {
  const fy = RESPONSE[level];
  toLinearRgb(fy, a, b, scratch);
  if (isOutside(scratch, TOLERANCE)) {
    const scale = gamutScale(116 * fy - 16, a, b);
    toLinearRgb(fy, a * scale, b * scale, scratch);
  }
  out[at] = toLevel(scratch[0]);
  out[at + 1] = toLevel(scratch[1]);
  out[at + 2] = toLevel(scratch[2]);
}

/* The table of the largest |a*| + |b*| in gamut, by lightness and direction. The direction is in
   -1..3, like an angle: on the square |a*| + |b*| = 1 from -b* through +a* and +b* to -a* and back. */
const LIGHTNESS_STEPS = 128;
const DIRECTION_STEPS = 384;
const REACH = 180; // |a*| + |b*| beyond any color of sRGB
const SCAN_STEPS = 30;
const BISECTIONS = 6;
/** @type {?Float32Array} */
let limits = null;

/**
 * Get the factor, 0..1, that brings a color to the surface of the gamut.
 * @param {number} light
 * @param {number} a
 * @param {number} b
 */
function gamutScale(light, a, b) {
  limits ??= buildLimitTable();
  const extent = Math.max(Math.abs(a) + Math.abs(b), 1e-6);
  const along = b / extent;
  const column = ((a < 0 ? 2 - along : along) + 1) * (DIRECTION_STEPS / 4);
  const limit = interpolate(limits, light * (LIGHTNESS_STEPS / 100), column);
  return Math.min(limit / extent, 1);
}

/** @param {Float32Array} table @param {number} row @param {number} column */
function interpolate(table, row, column) {
  const top = Math.min(row | 0, LIGHTNESS_STEPS - 1);
  const left = Math.min(column | 0, DIRECTION_STEPS - 1);
  const down = row - top;
  const right = column - left;
  const at = top * (DIRECTION_STEPS + 1) + left;
  const below = at + DIRECTION_STEPS + 1;
  return (table[at] * (1 - right) + table[at + 1] * right) * (1 - down)
    + (table[below] * (1 - right) + table[below + 1] * right) * down;
}

function buildLimitTable() {
  const table = new Float32Array((LIGHTNESS_STEPS + 1) * (DIRECTION_STEPS + 1));
  let at = 0;
  for (let row = 0; row <= LIGHTNESS_STEPS; row++) {
    for (let column = 0; column <= DIRECTION_STEPS; column++) {
      const u = (column / DIRECTION_STEPS) * 4 - 1;
      const b = u <= 1 ? u : 2 - u;
      const a = (1 - Math.abs(b)) * (u <= 1 ? 1 : -1);
      table[at++] = findBoundary((row / LIGHTNESS_STEPS) * 100, a, b);
    }
  }
  return table;
}

/**
 * Find where a ray first leaves the gamut; near yellow it can enter it again.
 * @param {number} light
 * @param {number} a
 * @param {number} b
 */
function findBoundary(light, a, b) {
  const fy = (light + 16) / 116;
  /** @param {number} extent */
  const leaves = (extent) => {
    toLinearRgb(fy, extent * a, extent * b, scratch);
    return isOutside(scratch, 1e-6);
  };
  const step = REACH / SCAN_STEPS;
  let beyond = step;
  while (beyond < REACH && !leaves(beyond)) beyond += step;
  let within = beyond - step;
  for (let turn = 0; turn < BISECTIONS; turn++) {
    const middle = (within + beyond) / 2;
    if (leaves(middle)) beyond = middle;
    else within = middle;
  }
  return within;
}

/** @typedef {{saturation: number, warmth: number, blend: number}} Adjustments by `rechroma.options` */

/**
 * Apply adjustments to colors.
 * @param {Float32Array} ab pairs of a* and b*
 * @param {Adjustments} adjustments
 * @returns {Float32Array}
 */
export function adjustChroma(ab, { saturation, warmth, blend }) {
  const out = new Float32Array(ab.length);
  for (let at = 0; at < ab.length; at += 2) {
    const a = ab[at] * saturation;
    const b = ab[at + 1] * saturation;
    const chroma = Math.hypot(a, b);
    const warm = warmth * (chroma / (chroma + WARM_HALF_CHROMA));
    out[at] = (a + warm * WARM_SHIFT[0]) * blend;
    out[at + 1] = (b + warm * WARM_SHIFT[1]) * blend;
  }
  return out;
}

/** @param {string} hex "#rrggbb" @returns {number[]} L*, a*, b* */
export function hexToLab(hex) {
  const rgb = [1, 3, 5].map((at) => LINEAR[parseInt(hex.slice(at, at + 2), 16)]);
  const [fx, fy, fz] = RGB_TO_XYZ.map((row, i) =>
    labF(row.reduce((sum, weight, channel) => sum + weight * rgb[channel], 0) / WHITE[i]));
  return [116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)];
}

/**
 * Convert a color to "#rrggbb", with its chroma reduced to the gamut.
 * @param {number} light
 * @param {number} a
 * @param {number} b
 * @returns {string}
 */
export function labToHex(light, a, b) {
  const fy = (light + 16) / 116;
  const scale = isInGamut(light, a, b) ? 1 : gamutScale(light, a, b);
  toLinearRgb(fy, a * scale, b * scale, scratch);
  return `#${Array.from(scratch, (value) => toLevel(value).toString(16).padStart(2, "0")).join("")}`;
}

/**
 * Get the square in the a*b* plane that encloses the gamut at a lightness: center and half side.
 * @param {number} light
 * @returns {{a: number, b: number, reach: number}}
 */
export function gamutBounds(light) {
  const surface = Array.from({ length: 180 }, (_, turn) => {
    const angle = (turn / 90) * Math.PI;
    const [a, b] = [Math.cos(angle) * REACH, Math.sin(angle) * REACH];
    const scale = gamutScale(light, a, b);
    return [a * scale, b * scale];
  });
  const [lows, highs] = [Math.min, Math.max].map((pick) =>
    [0, 1].map((axis) => pick(...surface.map((point) => point[axis]))));
  const reach = Math.max(highs[0] - lows[0], highs[1] - lows[1], 2) / 2;
  return { a: (lows[0] + highs[0]) / 2, b: (lows[1] + highs[1]) / 2, reach };
}
