/** Decoding and scaling of images in the browser. */

import { lightness, makeGray } from "../color/colorspace.js";
import { contextOf } from "../page/dom.js";
import { statesColorSpace } from "./colorSpace.js";
import { mayStayTurned } from "./orientation.js";

const VIEW_SIDE = 2048; // of the copy on the stage, until the user zooms in
const COPY_SIDE = 1024; // of the copy that is sent for previews
const MIN_SIDE = 2; // of what the model takes
const MAX_BYTES = 8_000_000; // of a file that is sent for previews as it is
const MAX_PIXELS = 16_000_000; // of the same
const THUMBNAIL_SIDE = 192;
const COPY_QUALITY = 0.95;
const SAMPLE_SIZE = 0.02; // of the long side: the area whose lightness is measured

/**
 * @typedef {import("../color/render.js").Pixels} Pixels
 * @typedef {{full: ImageBitmap, view: ImageBitmap}} DecodedImage `view` is a copy for the stage
 */

/**
 * Create a canvas whose pixels are read back, and therefore stay in main memory.
 * @param {number} width
 * @param {number} height
 */
export function createCanvas(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width));
  canvas.height = Math.max(1, Math.round(height));
  const context = contextOf(canvas, { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  return { canvas, context };
}

/** @param {string} base64 */
export const decodeBase64 = (base64) => Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));

/**
 * Decode an image, upright. Rejects one whose color space or orientation browsers read in their own
 * ways, so that the backend decodes it and its gray is that of the result.
 * @param {Blob} file
 * @returns {Promise<DecodedImage>}
 */
export async function decodeImage(file) {
  if (await statesColorSpace(file)) throw new Error("a color space that the service has to read");
  if (await mayStayTurned(file)) throw new Error("an orientation that the backend has to read");
  const full = await createImageBitmap(file, { imageOrientation: "from-image" });
  const [resizeWidth, resizeHeight] = fitSize(VIEW_SIDE, full);
  if (resizeWidth === full.width) return { full, view: full };
  const options = { resizeWidth, resizeHeight, resizeQuality: /** @type {const} */ ("medium") };
  return { full, view: await createImageBitmap(full, options) };
}

/**
 * @param {number} side
 * @param {import("../stage/viewport.js").Size} size
 * @returns {[number, number]} width and height within a square, never enlarged
 */
function fitSize(side, { width, height }) {
  const scale = Math.min(1, side / Math.max(width, height));
  /** @param {number} length */
  const shorten = (length) => Math.max(Math.min(length, MIN_SIDE), Math.round(length * scale));
  return [shorten(width), shorten(height)];
}

/** @param {ImageBitmap} bitmap @param {number} side */
function drawScaled(bitmap, side) {
  const { canvas, context } = createCanvas(...fitSize(side, bitmap));
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return { canvas, context };
}

/** @param {ImageBitmap} bitmap @returns {Pixels} in gray */
export function createThumbnail(bitmap) {
  const { canvas, context } = drawScaled(bitmap, THUMBNAIL_SIDE);
  const thumbnail = context.getImageData(0, 0, canvas.width, canvas.height);
  makeGray(thumbnail.data);
  return thumbnail;
}

/**
 * Create the copy that is sent for previews; a small file is its own copy. So is one with
 * transparency: a canvas loses the colors of transparent pixels, which the model sees.
 * @param {DecodedImage} image
 * @param {Blob} file
 * @returns {Promise<Blob>}
 */
export async function createSmallCopy({ full, view }, file) {
  const isSmall = Math.max(full.width, full.height) <= COPY_SIDE;
  if (isSmall && /jpeg|png|webp/.test(file.type)) return file;
  const copy = drawScaled(view, COPY_SIDE);
  const isTransparent = !/jpeg/.test(file.type) && hasTransparency(copy);
  const isModest = file.size <= MAX_BYTES && full.width * full.height <= MAX_PIXELS;
  if (isTransparent && isModest) return file;
  return new Promise((resolve, reject) => {
    /** @param {?Blob} blob */
    const settle = (blob) => (blob ? resolve(blob) : reject(new Error("out of memory")));
    copy.canvas.toBlob(settle, isTransparent ? "image/png" : "image/jpeg", COPY_QUALITY);
  });
}

/** @param {ReturnType<typeof createCanvas>} copy */
function hasTransparency({ canvas, context }) {
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  return data.some((level, at) => at % 4 === 3 && level < 255);
}

/**
 * Measure the lightness around a point.
 * @param {DecodedImage} image
 * @param {number} x fraction of the width
 * @param {number} y fraction of the height
 * @returns {number} L*, 0..100
 */
export function sampleLightness({ view }, x, y) {
  const side = Math.max(view.width, view.height) * SAMPLE_SIZE;
  const { context } = createCanvas(8, 8);
  const [left, top] = [x * view.width - side / 2, y * view.height - side / 2];
  context.drawImage(view, left, top, side, side, 0, 0, 8, 8);
  const { data } = context.getImageData(0, 0, 8, 8);
  makeGray(data);
  let [sum, count] = [0, 0];
  for (let at = 0; at < data.length; at += 4) {
    if (data[at + 3] < 255) continue; // outside the image
    sum += lightness(data[at]);
    count++;
  }
  return count ? sum / count : 50;
}
