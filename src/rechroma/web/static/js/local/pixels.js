/** Pixels of a photograph: decoded to gray in strips, and colored and encoded in strips. */

import { BackendError } from "../backend.js";
import { makeGray } from "../color/colorspace.js";
import { paint } from "../color/render.js";
import { createBadge, drawBadge } from "./badge.js";
import { sniffKind } from "./fileKinds.js";
import { turnExtent, uprightMatrix } from "./metadata/orientation.js";
import { createPngEncoder } from "./pngEncoder.js";
import { readRemainingTurn } from "./remainingTurn.js";

const STRIP_PIXELS = 1 << 20;
const MAX_SIDE = 16384; // of a canvas, in the browsers that have the lowest limit
const MAX_PIXELS = 120_000_000;
const MIN_SIDE = 2;
const GRAY_SPREAD = 6; // levels: lossy compression's spread of gray channels

/** @typedef {import("./modelInput.js").GrayPlane} GrayPlane */
/** @typedef {import("../color/render.js").Chroma} Chroma */

/**
 * @typedef {object} Photo
 * @property {GrayPlane} gray upright, with the luminance of the file's colors
 * @property {?Uint8Array} alpha null if all pixels are opaque
 * @property {boolean} wasColor whether it was in color or toned
 */

/** Let other messages of the worker be handled. */
const pause = () => new Promise((resolve) => setTimeout(resolve));

/** @param {number} width @param {number} height */
function createCanvas(width, height) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new BackendError("browser-memory");
  return { canvas, context };
}

/** Free the pixels of a canvas now: the browser cannot tell how much memory waits for its garbage collector. @param {OffscreenCanvas} canvas */
function releaseCanvas(canvas) {
  canvas.width = canvas.height = 0;
}

/** Split the rows of an image into strips. @param {{width: number, height: number}} size */
function* strips({ width, height }) {
  const step = Math.max(1, Math.floor(STRIP_PIXELS / width));
  for (let top = 0; top < height; top += step) yield { top, rows: Math.min(step, height - top) };
}

/** Decode a photograph. @param {Blob} file @returns {Promise<Photo>} */
export async function decodePhoto(file) {
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" })
    .catch(async () => {
      throw new BackendError(await explainFailure(file));
    });
  try {
    checkSize(bitmap);
    return await readPixels(bitmap, await readRemainingTurn(file));
  } finally {
    bitmap.close();
  }
}

/** Tell why a file does not decode. @param {Blob} file */
async function explainFailure(file) {
  if (!file.size) return "empty-image";
  const kind = await sniffKind(file).catch(() => "unreadable");
  if (kind === "unreadable") return kind;
  if (!kind) return "browser-unknown";
  if (kind === "jpeg") return "browser-broken";
  return ["png", "gif", "webp", "bmp"].includes(kind) ? "broken-image" : "browser-format";
}

/** @param {{width: number, height: number}} size */
function checkSize({ width, height }) {
  if (Math.min(width, height) < MIN_SIDE) throw new BackendError("image-too-small");
  if (Math.max(width, height) > MAX_SIDE || width * height > MAX_PIXELS) throw new BackendError("browser-memory");
}

/** @param {ImageBitmap} bitmap @param {number} orientation in which it still is @returns {Promise<Photo>} */
async function readPixels(bitmap, orientation) {
  const [width, height] = turnExtent([bitmap.width, bitmap.height], orientation);
  const gray = new Uint8Array(width * height);
  /** @type {?Uint8Array} */
  let alpha = null;
  let wasColor = false;
  const [{ rows: most }] = strips({ width, height });
  const { canvas, context } = createCanvas(width, most);
  for (const { top, rows } of strips({ width, height })) {
    context.resetTransform();
    context.clearRect(0, 0, width, rows);
    context.translate(0, -top);
    context.transform(...uprightMatrix([width, height], orientation));
    context.drawImage(bitmap, 0, 0);
    const { data } = context.getImageData(0, 0, width, rows);
    wasColor ||= isColored(data);
    makeGray(data);
    if (!alpha && isTransparent(data)) alpha = new Uint8Array(gray.length).fill(255);
    pickChannel(data, 0, gray, top * width);
    if (alpha) pickChannel(data, 3, alpha, top * width);
    data.buffer.transfer(0); // frees it now, for the next strip
    await pause();
  }
  releaseCanvas(canvas);
  return { gray: { width, height, data: gray }, alpha, wasColor };
}

/** @param {Uint8ClampedArray} rgba */
function isTransparent(rgba) {
  for (let at = 3; at < rgba.length; at += 4) if (rgba[at] < 255) return true;
  return false;
}

/** @param {Uint8ClampedArray} rgba @param {number} channel @param {Uint8Array} into @param {number} start */
function pickChannel(rgba, channel, into, start) {
  for (let at = channel; at < rgba.length; at += 4) into[start++] = rgba[at];
}

/** @param {Uint8ClampedArray} rgba */
function isColored(rgba) {
  for (let at = 0; at < rgba.length; at += 4) {
    const [red, green, blue] = [rgba[at], rgba[at + 1], rgba[at + 2]];
    if (red === green && red === blue) continue;
    if (Math.max(red, green, blue) - Math.min(red, green, blue) > GRAY_SPREAD) return true;
  }
  return false;
}

/**
 * Color a photograph and encode it.
 * @param {Photo} photo an opaque one for a JPEG
 * @param {?Chroma} chroma adjusted; null for gray
 * @param {{type: string, quality: number, hasBadge?: boolean}} options
 */
export async function encodePhoto({ gray, alpha }, chroma, { type, quality, hasBadge = false }) {
  const { width, height } = gray;
  const badge = hasBadge ? createBadge(width, height) : null;
  const encoder = type === "image/png" ? createPngEncoder(width, height, alpha !== null) : createJpegEncoder(width, height, quality);
  try {
    let strip = new ImageData(width, 1);
    for (const { top, rows } of strips(gray)) {
      if (rows !== strip.height) strip = new ImageData(width, rows);
      fillGray(strip.data, gray.data, alpha, top * width);
      const region = { x: 0, y: top / height, width: 1, height: rows / height };
      if (chroma) paint(strip, chroma, region, strip.data);
      if (badge) drawBadge(strip, top, badge);
      await encoder.add(strip, top);
      await pause();
    }
    return await encoder.finish();
  } finally {
    encoder.release();
  }
}

/** Create an encoder with the interface of that of PNG. @param {number} width @param {number} height @param {number} quality 0..1 */
function createJpegEncoder(width, height, quality) {
  const { canvas, context } = createCanvas(width, height);
  return {
    /** Add rows. @param {ImageData} strip @param {number} top */
    async add(strip, top) {
      context.putImageData(strip, 0, top);
    },
    finish: () => canvas.convertToBlob({ type: "image/jpeg", quality }),
    release: () => releaseCanvas(canvas),
  };
}

/** @param {Uint8ClampedArray} rgba @param {Uint8Array} gray @param {?Uint8Array} alpha @param {number} start */
function fillGray(rgba, gray, alpha, start) {
  for (let at = 0, from = start; at < rgba.length; at += 4, from++) {
    rgba[at] = rgba[at + 1] = rgba[at + 2] = gray[from];
    rgba[at + 3] = alpha ? alpha[from] : 255;
  }
}

/** Shrink a photograph in gray to a side, for display. @param {Photo} photo @param {number} side */
export async function encodeGray(photo, side) {
  const { width, height } = photo.gray;
  const full = await encodePhoto(photo, null, { type: photo.alpha ? "image/png" : "image/jpeg", quality: 0.9 });
  const scale = Math.min(1, side / Math.max(width, height));
  if (scale === 1) return full;
  const [resizeWidth, resizeHeight] = [width, height].map((length) => Math.max(MIN_SIDE, Math.round(length * scale)));
  const bitmap = await createImageBitmap(full, { resizeWidth, resizeHeight, resizeQuality: "medium" });
  const { canvas, context } = createCanvas(resizeWidth, resizeHeight);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return canvas.convertToBlob({ type: full.type, quality: 0.9 });
}
