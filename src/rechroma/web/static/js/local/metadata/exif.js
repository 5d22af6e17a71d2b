/** EXIF blocks, patched in place for an upright, colored result (`rechroma.imaging.metadata.exif`). */

import { toLatin1 } from "../../files/bytes.js";
import { toOrientation, turnPoint } from "./orientation.js";
import { LONG, RATIONAL, SHORT, createTiff } from "./tiffDirectory.js";

const [EXIF_GROUP, INTEROP_GROUP] = [0x8769, 0xa005];
const [ORIENTATION, COLOR_SPACE, INTEROP_INDEX, RESOLUTION_UNIT] = [0x0112, 0xa001, 1, 0x0128];
const [X_RESOLUTION, Y_RESOLUTION] = [0x011a, 0x011b];
const WIDTHS = [0x0100, 0xa002];
const HEIGHTS = [0x0101, 0xa003];
const SUBJECTS = [0x9214, 0xa214];
const RESOLUTIONS = [[X_RESOLUTION, Y_RESOLUTION], [0xa20e, 0xa20f]];
const SRGB = 1;
const ADOBE_RGB_FILE = "R03\0";
const SRGB_FILE = "R98\0";
/** Tags of how the source stored its pixels, or that are kept elsewhere: ranges of first and last. */
const STORAGE = [
  [254, 255], [258, 259], [262, 262], [266, 266], [273, 273], [277, 281], [284, 284], [288, 293], [301, 301],
  [317, 347], [512, 528], [700, 700], [33723, 33723], [34377, 34377], [34675, 34675], [37724, 37724],
];

/** @typedef {import("./orientation.js").Size} Size */
/** @typedef {import("./tiffDirectory.js").Entry} Entry */

/** @param {number} tag */
const isStorage = (tag) => STORAGE.some(([first, last]) => tag >= first && tag <= last);

/** Read the orientation of the pixels, 1 (upright) to 8; null if none is stated. @param {?Uint8Array} exif */
export function readExifOrientation(exif) {
  const [value] = readMain(exif, (tiff, find) => tiff.integers(find(ORIENTATION))) ?? [null];
  return value === null ? null : toOrientation(value);
}

/** Read the resolution in pixels per inch, across and down. @param {?Uint8Array} exif @returns {?[number, number]} */
export function readResolution(exif) {
  return readMain(exif, /** @returns {?[number, number]} */ (tiff, find, has) => {
    const [unit] = has(RESOLUTION_UNIT) ? tiff.integers(find(RESOLUTION_UNIT)) : [2];
    const factor = { 2: 1, 3: 2.54 }[unit];
    const entries = [find(X_RESOLUTION), find(Y_RESOLUTION)];
    if (!factor || entries.some(({ kind }) => kind !== RATIONAL)) return null;
    const [across, down] = entries.map((entry) => tiff.ratio(entry) * factor);
    return [across, down];
  });
}

/**
 * Read from the main directory.
 * @template T
 * @param {?Uint8Array} exif
 * @param {(tiff: ReturnType<createTiff>, find: (tag: number) => Entry, has: (tag: number) => boolean) => T} read
 * @returns {?T} null if it is missing or damaged
 */
function readMain(exif, read) {
  if (!exif) return null;
  try {
    const tiff = createTiff(exif);
    const entries = new Map(tiff.first().entries.map((entry) => [entry.tag, entry]));
    /** @param {number} tag */
    const find = (tag) => {
      const entry = entries.get(tag);
      if (!entry) throw new RangeError("no such tag");
      return entry;
    };
    return read(tiff, find, (tag) => entries.has(tag));
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/**
 * Make a block true of an upright result in sRGB.
 * @param {Uint8Array} exif
 * @param {Size} size of the upright image
 * @param {number} orientation of the source, 1 to 8
 * @returns {?Uint8Array} null if it cannot be parsed
 */
export function setUpright(exif, size, orientation) {
  const bytes = exif.slice();
  try {
    const tiff = createTiff(bytes);
    for (const { entries } of listDirectories(tiff)) patch(tiff, bytes, entries, size, orientation);
    removeStorage(tiff, bytes);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
  return bytes;
}

/** List the main directory, and those of EXIF and of interoperability. @param {ReturnType<createTiff>} tiff */
function listDirectories(tiff) {
  const directories = [tiff.first()];
  for (const tag of [EXIF_GROUP, INTEROP_GROUP]) {
    const entry = directories.at(-1)?.entries.find((one) => one.tag === tag);
    const [at] = entry ? tiff.integers(entry) : [];
    if (at === undefined) break;
    directories.push(tiff.directory(at));
  }
  return directories;
}

/**
 * @param {ReturnType<createTiff>} tiff
 * @param {Uint8Array} bytes
 * @param {Entry[]} entries
 * @param {Size} size
 * @param {number} orientation
 */
function patch(tiff, bytes, entries, size, orientation) {
  for (const entry of entries) {
    const value = valueOf(entry.tag, size);
    if (value !== undefined && entry.kind === SHORT) tiff.write16(entry.at, value);
    else if (value !== undefined && entry.kind === LONG) tiff.write32(entry.at, value);
    else if (SUBJECTS.includes(entry.tag)) turnSubject(tiff, entry, size, orientation);
    else if (entry.tag === INTEROP_INDEX && toLatin1(bytes.subarray(entry.at, entry.at + 4)) === ADOBE_RGB_FILE) {
      bytes.set(Array.from(SRGB_FILE, (sign) => sign.charCodeAt(0)), entry.at);
    }
  }
  for (const [across, down] of orientation > 4 ? RESOLUTIONS : []) {
    const [one, other] = [across, down].map((tag) => entries.find((entry) => entry.tag === tag));
    if (one && other) swapFields(bytes, one.at - 6, other.at - 6);
  }
}

/** @param {number} tag @param {Size} size */
function valueOf(tag, [width, height]) {
  if (tag === ORIENTATION) return 1;
  if (tag === COLOR_SPACE) return SRGB;
  if (WIDTHS.includes(tag)) return width;
  return HEIGHTS.includes(tag) ? height : undefined;
}

/** Swap type, length and field of two entries. @param {Uint8Array} bytes @param {number} one @param {number} other */
function swapFields(bytes, one, other) {
  const first = bytes.slice(one, one + 10);
  bytes.copyWithin(one, other, other + 10);
  bytes.set(first, other);
}

/** @param {ReturnType<createTiff>} tiff @param {Entry} entry @param {Size} size @param {number} orientation */
function turnSubject(tiff, entry, size, orientation) {
  const numbers = tiff.integers(entry);
  if (entry.kind !== SHORT || numbers.length < 2 || numbers.length > 4) return;
  const stored = orientation > 4 ? [size[1], size[0]] : size;
  const center = turnPoint([numbers[0] / stored[0], numbers[1] / stored[1]], orientation);
  const turned = center.map((fraction, axis) => Math.min(Math.round(fraction * size[axis]), 65535));
  const extent = orientation > 4 ? numbers.slice(2).reverse() : numbers.slice(2);
  [...turned, ...extent].forEach((number, index) => tiff.write16(entry.place + 2 * index, number));
}

/** Remove the thumbnail, and tags of how the source stored its pixels. @param {ReturnType<createTiff>} tiff @param {Uint8Array} bytes */
function removeStorage(tiff, bytes) {
  const { start, entries, linkAt } = tiff.first();
  const kept = entries.filter(({ tag }) => !isStorage(tag)).map(({ at }) => bytes.slice(at - 8, at + 4));
  tiff.write16(start, kept.length);
  bytes.fill(0, start + 2, Math.min(linkAt + 4, bytes.length)); // the next directory is the thumbnail's
  kept.forEach((field, index) => bytes.set(field, start + 2 + 12 * index));
}
