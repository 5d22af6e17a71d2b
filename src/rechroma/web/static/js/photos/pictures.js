/** The pixels of photographs: decoded, made smaller, turned gray. */

import { lightness, makeGray } from "../color/science.js";

const VIEW_SIDE = 2048; // of the copy that is shown until somebody zooms in
const COPY_SIDE = 1024; // of the copy that the service makes colors of
const MOST_BYTES = 8_000_000; // of a file that goes as it is at each correction
const MOST_PIXELS = 16_000_000; // of the same
const THUMB_SIDE = 192;
const COPY_QUALITY = 0.95;
const KEPT = 3; // photographs whose pixels stay in memory
const AROUND = 0.02; // of the long side: the place whose lightness counts

/**
 * @typedef {import("../color/render.js").Pixels} Pixels
 * @typedef {{full: ImageBitmap, view: ImageBitmap}} Opened
 */

/** A canvas that is read, and so had better stay in main memory. */
export function readableCanvas(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width));
  canvas.height = Math.max(1, Math.round(height));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  return { canvas, context };
}

/** @param {Blob} file @returns {Promise<ImageBitmap>} upright */
const decoded = (file) => createImageBitmap(file, { imageOrientation: "from-image" });

/** @returns {Uint8Array} @param {string} base64 */
export const bytesOf = (base64) => Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));

/** @returns {Blob} @param {string} base64 */
export const jpegOf = (base64) => new Blob([bytesOf(base64)], { type: "image/jpeg" });

function sizeWithin(side, { width, height }) {
  const scale = Math.min(1, side / Math.max(width, height));
  return [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
}

async function smaller(bitmap, side) {
  const [resizeWidth, resizeHeight] = sizeWithin(side, bitmap);
  if (resizeWidth === bitmap.width) return bitmap;
  return createImageBitmap(bitmap, { resizeWidth, resizeHeight, resizeQuality: "medium" });
}

function drawn(bitmap, side) {
  const { canvas, context } = readableCanvas(...sizeWithin(side, bitmap));
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return { canvas, context };
}

/** @param {ImageBitmap} bitmap @returns {Pixels} small and gray */
export function thumbOf(bitmap) {
  const { canvas, context } = drawn(bitmap, THUMB_SIDE);
  const thumb = context.getImageData(0, 0, canvas.width, canvas.height);
  makeGray(thumb.data);
  return thumb;
}

/** Whether anything of a picture lets the background through. */
function isClear({ canvas, context }) {
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  return data.some((level, at) => at % 4 === 3 && level < 255);
}

/**
 * What the service makes colors of: the file itself if it is small, else a small copy. A canvas
 * forgets what lies beneath clear places, and the service does not: such a file goes as it is, too.
 * @param {Opened} opened
 * @param {Blob} file
 * @returns {Promise<Blob>}
 */
export function copyOf({ full, view }, file) {
  const isSmall = Math.max(full.width, full.height) <= COPY_SIDE;
  if (isSmall && /jpeg|png|webp/.test(file.type)) return Promise.resolve(file);
  const copy = drawn(view, COPY_SIDE);
  const hasAlpha = !/jpeg/.test(file.type) && isClear(copy);
  const isModest = file.size <= MOST_BYTES && full.width * full.height <= MOST_PIXELS;
  if (hasAlpha && isModest) return Promise.resolve(file);
  return new Promise((resolve, reject) => {
    const take = (blob) => (blob ? resolve(blob) : reject(new Error("no room for a copy")));
    copy.canvas.toBlob(take, hasAlpha ? "image/png" : "image/jpeg", COPY_QUALITY);
  });
}

/** @returns {number} L* around a place, given in shares of the picture */
export function lightnessAround({ view }, x, y) {
  const side = Math.max(view.width, view.height) * AROUND;
  const { context } = readableCanvas(8, 8);
  const [left, top] = [x * view.width - side / 2, y * view.height - side / 2];
  context.drawImage(view, left, top, side, side, 0, 0, 8, 8);
  const { data } = context.getImageData(0, 0, 8, 8);
  makeGray(data);
  let [sum, count] = [0, 0];
  for (let at = 0; at < data.length; at += 4) {
    if (data[at + 3] < 255) continue; // beyond the edge
    sum += lightness(data[at]);
    count++;
  }
  return count ? sum / count : 50;
}

/**
 * The pixels of the photographs that were opened last.
 */
export function createShelf() {
  /** @type {Map<number, {seen: Blob, opened: Promise<Opened>}>} */
  const kept = new Map();

  function drop(id) {
    const entry = kept.get(id);
    kept.delete(id);
    entry?.opened.then(({ full, view }) => {
      full.close();
      view.close();
    }, () => {});
  }

  return {
    /**
     * @param {number} id
     * @param {Blob} seen what the browser can decode: the file, or what the service made of it
     * @returns {Promise<Opened>}
     */
    open(id, seen) {
      const entry = kept.get(id) ?? { seen, opened: openedOf(seen) };
      kept.delete(id);
      kept.set(id, entry); // the last in line
      entry.opened.catch(() => drop(id));
      return entry.opened;
    },
    /** Let go of all but a few, never of the one that is shown. */
    tidy(shown) {
      for (const id of [...kept.keys()]) {
        if (kept.size > KEPT && id !== shown) drop(id);
      }
    },
    drop,
  };
}

async function openedOf(blob) {
  const full = await decoded(blob);
  return { full, view: await smaller(full, VIEW_SIDE) };
}
