/**
 * The reach of hints: each is held to the surface that it was put on, as in the Python package
 * (`rechroma.engines.hint_reach`, which explains the method).
 */

import { hexToLab } from "../color/colorspace.js";
import { pixelsAt } from "./modelInput.js";
import { resizeLinear, roundEven, shrink } from "./resize.js";

const GRID = 112; // long side of the grid on which paths are measured
const CELLS = 25 * GRID ** 2; // of all grids together
const LENGTH = 1.3; // reach over an even surface, relative to the long side
const ONLY_HERE = 0.115; // of that reach, for a hint with `onlyHere`
const EDGE = 38; // difference of L* to the next cell that takes the whole reach
const SHADING = 25; // difference of L* to the place of the hint that doubles the cost of a step
const TINT = 9; // difference of a*b* without hints to the place of the hint that does the same
const SOFTNESS = 8; // exponent of the falloff
const NUDGE = 3; // a*b* by which a hint may change a place beyond its reach
const [RESPONSE_START, RESPONSE_FULL] = [0.2, 0.5]; // progress towards the hint's color
const LIMIT = 1.5; // distance beyond which nothing is left of the falloff
const STEPS = [-1, 0, 1].flatMap((down) => [-1, 0, 1].map((right) => ({ down, right })))
  .filter(({ down, right }) => down || right);

/** @typedef {import("../color/render.js").Chroma} Chroma */
/** @typedef {import("./resize.js").Plane<Float32Array>} NumberPlane */
/** @typedef {import("../state/store.js").Hint} Hint */
/** @typedef {{path: number, cell: number, source: number}} Visit */
/** @typedef {[Float32Array, Float32Array]} Tints a* and b* of the cells */

/**
 * Keep the effect of hints within their reach.
 * @param {NumberPlane} lightness L*, at any resolution
 * @param {Hint[]} hints at least one
 * @param {Chroma} hinted predicted with the hints
 * @param {Chroma} plain predicted without them
 * @returns {Chroma}
 */
export function limitReach(lightness, hints, hinted, plain) {
  const groups = Object.values(Object.groupBy(hints, ({ color, radius, onlyHere }) =>
    JSON.stringify([color, radius ?? null, Boolean(onlyHere)])));
  const side = Math.max(lightness.width, lightness.height);
  const scale = Math.min(1, Math.min(GRID, Math.sqrt(CELLS / groups.length)) / side);
  const [columns, rows] = [lightness.width, lightness.height]
    .map((length) => Math.max(1, roundEven(length * scale)));
  const small = shrink(lightness, columns, rows);
  const tints = pickCells(plain, columns, rows);
  const weight = new Float32Array(plain.width * plain.height);
  for (const group of groups) if (group) addReach(small, tints, group, hinted, plain, weight);
  const data = plain.data.map((value, at) => value + weight[at >> 1] * (hinted.data[at] - value));
  return { ...plain, data };
}

/**
 * Raise the weight of the hinted prediction to where hints that differ in place alone reach.
 * @param {NumberPlane} small
 * @param {Tints} tints
 * @param {Hint[]} group
 * @param {Chroma} hinted
 * @param {Chroma} plain
 * @param {Float32Array} weight
 */
function addReach(small, tints, group, hinted, plain, weight) {
  const isFree = group[0].radius == null && !group[0].onlyHere;
  const falloff = measureDistances(small, tints, group).map((distance) => Math.exp(-(distance ** SOFTNESS)));
  const reach = resizeLinear({ ...small, data: falloff }, plain.width, plain.height).data;
  const [, a, b] = hexToLab(group[0].color);
  for (let at = 0; at < weight.length; at++) {
    const [toA, toB] = [a - plain.data[2 * at], b - plain.data[2 * at + 1]];
    const [changeA, changeB] = [hinted.data[2 * at] - plain.data[2 * at], hinted.data[2 * at + 1] - plain.data[2 * at + 1]];
    const asked = Math.max(toA * toA + toB * toB, 1);
    const response = (changeA * toA + changeB * toB) / asked;
    const progress = (response - RESPONSE_START) / (RESPONSE_FULL - RESPONSE_START);
    weight[at] = Math.max(weight[at], reach[at] * Math.min(Math.max(progress, 0), 1));
    if (!isFree) continue;
    const length = Math.max(Math.hypot(changeA, changeB), 1e-3);
    weight[at] = Math.max(weight[at], response * Math.sqrt(asked) / length * Math.min(NUDGE / length, 1));
  }
}

/**
 * Measure each cell's distance to the nearest of some hints, by Dijkstra's algorithm; 1 is as far as
 * these reach.
 * @param {NumberPlane} small L*
 * @param {Tints} tints a*b* of the same cells without hints
 * @param {Hint[]} hints with the same radius and `onlyHere`
 */
function measureDistances(small, tints, hints) {
  const { width: columns, height: rows } = small;
  const [side, width] = [Math.max(rows, columns), columns + 2];
  const unit = 1 / (LENGTH * side * (hints[0].onlyHere ? ONLY_HERE : 1));
  const radius = (hints[0].radius ?? Infinity) * side;
  const levels = addBorder(small);
  const [a, b] = tints.map((data) => addBorder({ ...small, data }));
  const steps = STEPS.map(({ down, right }) => ({ offset: down * width + right, length: Math.hypot(down, right) * unit }));
  const distances = new Float64Array(levels.length).fill(Infinity);
  const queue = createQueue();
  for (const { x, y } of hints) {
    const source = (pixelsAt(y, rows).from + 1) * width + pixelsAt(x, columns).from + 1;
    distances[source] = 0;
    queue.push({ path: 0, cell: source, source });
  }
  /** @param {number} cell @param {number} source */
  const isInRadius = (cell, source) => radius === Infinity
    || Math.hypot(Math.floor(cell / width) - Math.floor(source / width), (cell % width) - (source % width)) <= radius;
  for (let visit = queue.pop(); visit; visit = queue.pop()) {
    const { path, cell, source } = visit;
    if (path > distances[cell]) continue; // a shorter path was found meanwhile
    for (const { offset, length } of steps) {
      const other = cell + offset;
      const shading = (levels[other] - levels[source]) / SHADING;
      const edge = (levels[other] - levels[cell]) / EDGE;
      const tint = ((a[other] - a[source]) ** 2 + (b[other] - b[source]) ** 2) / TINT ** 2;
      const longer = path + length * (1 + shading * shading + tint) + edge * edge;
      if (longer < Math.min(distances[other], LIMIT) && isInRadius(other, source)) {
        distances[other] = longer;
        queue.push({ path: longer, cell: other, source });
      }
    }
  }
  const inner = new Float32Array(rows * columns);
  for (let y = 0; y < rows; y++) {
    const start = (y + 1) * width + 1;
    inner.set(distances.subarray(start, start + columns), y * columns);
  }
  return inner;
}

/**
 * Pick a* and b* of each cell of a coarser grid.
 * @param {Chroma} plain @param {number} columns @param {number} rows
 * @returns {Tints}
 */
function pickCells({ data, width, height }, columns, rows) {
  /** @type {Tints} */
  const tints = [new Float32Array(rows * columns), new Float32Array(rows * columns)];
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const from = 2 * (Math.floor(y * height / rows) * width + Math.floor(x * width / columns));
      tints.forEach((tint, channel) => { tint[y * columns + x] = data[from + channel]; });
    }
  }
  return tints;
}

/** Add a border of NaN, of which no sum is below anything: no path leaves the image. @param {NumberPlane} plane */
function addBorder({ width, height, data }) {
  const levels = new Float64Array((width + 2) * (height + 2)).fill(NaN);
  for (let y = 0; y < height; y++) {
    levels.set(data.subarray(y * width, (y + 1) * width), (y + 1) * (width + 2) + 1);
  }
  return levels;
}

/** Create a priority queue of the shortest paths first: a binary heap. */
function createQueue() {
  /** @type {Visit[]} */
  const heap = [];

  /** @param {Visit} one @param {Visit} other */
  const isBefore = (one, other) =>
    (one.path - other.path || one.cell - other.cell || one.source - other.source) < 0;

  return {
    /** @param {Visit} visit */
    push(visit) {
      let at = heap.push(visit) - 1;
      for (let above = (at - 1) >> 1; at && isBefore(visit, heap[above]); above = (at - 1) >> 1) {
        heap[at] = heap[above];
        at = above;
      }
      heap[at] = visit;
    },
    /** @returns {Visit | undefined} */
    pop() {
      const [first, last] = [heap[0], heap.pop()];
      if (!heap.length || !last) return first;
      let at = 0;
      for (let below = 1; below < heap.length; below = 2 * at + 1) {
        if (below + 1 < heap.length && isBefore(heap[below + 1], heap[below])) below++;
        if (!isBefore(heap[below], last)) break;
        heap[at] = heap[below];
        at = below;
      }
      heap[at] = last;
      return first;
    },
  };
}
