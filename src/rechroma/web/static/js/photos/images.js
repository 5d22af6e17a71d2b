/** The pixels of photographs: decodeImage, made downscale, turned gray. */

import { lightness, makeGray } from "../color/colorspace.js";

const VIEW_SIDE = 2048; // of the copy that is shown until somebody zooms in
const COPY_SIDE = 1024; // of the copy that the service makes colors of
const MAX_BYTES = 8_000_000; // of a file that goes as it is at each correction
const MAX_PIXELS = 16_000_000; // of the same
const THUMBNAIL_SIDE = 192;
const COPY_QUALITY = 0.95;
const MAX_OPEN = 3; // photographs whose pixels stay in memory
const SAMPLE_SIZE = 0.02; // of the long side: the place whose lightness counts

/**
 * @typedef {import("../color/render.js").Pixels} Pixels
 * @typedef {{full: ImageBitmap, view: ImageBitmap}} Opened
 */

/** A canvas that is read, and so had better stay in main memory. */
export function createCanvas(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width));
  canvas.height = Math.max(1, Math.round(height));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  return { canvas, context };
}

/** @param {Blob} file @returns {Promise<ImageBitmap>} upright */
const decodeImage = (file) => createImageBitmap(file, { imageOrientation: "from-image" });

/** @returns {Uint8Array} @param {string} base64 */
export const decodeBase64 = (base64) => Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));

/** @returns {Blob} @param {string} base64 */
export const jpegOf = (base64) => new Blob([decodeBase64(base64)], { type: "image/jpeg" });

function fitSize(side, { width, height }) {
  const scale = Math.min(1, side / Math.max(width, height));
  return [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
}

async function downscale(bitmap, side) {
  const [resizeWidth, resizeHeight] = fitSize(side, bitmap);
  if (resizeWidth === bitmap.width) return bitmap;
  return createImageBitmap(bitmap, { resizeWidth, resizeHeight, resizeQuality: "medium" });
}

function drawn(bitmap, side) {
  const { canvas, context } = createCanvas(...fitSize(side, bitmap));
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return { canvas, context };
}

/** @param {ImageBitmap} bitmap @returns {Pixels} small and gray */
export function createThumbnail(bitmap) {
  const { canvas, context } = drawn(bitmap, THUMBNAIL_SIDE);
  const thumbnail = context.getImageData(0, 0, canvas.width, canvas.height);
  makeGray(thumbnail.data);
  return thumbnail;
}

/** Whether anything of a picture lets the background through. */
function hasTransparency({ canvas, context }) {
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
export function createSmallCopy({ full, view }, file) {
  const isSmall = Math.max(full.width, full.height) <= COPY_SIDE;
  if (isSmall && /jpeg|png|webp/.test(file.type)) return Promise.resolve(file);
  const copy = drawn(view, COPY_SIDE);
  const hasAlpha = !/jpeg/.test(file.type) && hasTransparency(copy);
  const isModest = file.size <= MAX_BYTES && full.width * full.height <= MAX_PIXELS;
  if (hasAlpha && isModest) return Promise.resolve(file);
  return new Promise((resolve, reject) => {
    const take = (blob) => (blob ? resolve(blob) : reject(new Error("no room for a copy")));
    copy.canvas.toBlob(take, hasAlpha ? "image/png" : "image/jpeg", COPY_QUALITY);
  });
}

/** @returns {number} L* around a place, given in shares of the picture */
export function sampleLightness({ view }, x, y) {
  const side = Math.max(view.width, view.height) * SAMPLE_SIZE;
  const { context } = createCanvas(8, 8);
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
export function createImageCache() {
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
        if (kept.size > MAX_OPEN && id !== shown) drop(id);
      }
    },
    drop,
  };
}

async function openedOf(blob) {
  const full = await decodeImage(blob);
  return { full, view: await downscale(full, VIEW_SIDE) };
}
