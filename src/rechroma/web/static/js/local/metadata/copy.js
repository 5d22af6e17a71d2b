/** Metadata: from the photograph to its result, made true of it. */

import { statesColorSpace } from "../../photos/colorSpace.js";
import { sniffKind } from "../fileKinds.js";
import { readExifOrientation, setUpright } from "./exif.js";
import { countFrames } from "./gif.js";
import { fitsIntoJpeg, readJpeg, writeJpeg } from "./jpeg.js";
import { turnExtent } from "./orientation.js";
import { readPng, writePng } from "./png.js";
import { readWebp } from "./webp.js";
import { createResultPacket, readXmpOrientation } from "./xmp.js";

const MAX_RESOLUTION = 1e5; // pixels per inch, far above any scanner; more is damage

/**
 * @typedef {object} Metadata
 * @property {?Uint8Array} exif the block from its byte-order mark on
 * @property {?Uint8Array} xmp
 * @property {boolean} hasProfile whether it states a color space
 * @property {?Uint8Array} iptc the record in a JPEG
 * @property {?[number, number]} resolution in pixels per inch, across and down
 * @property {Uint8Array[]} comments of a JPEG, as stored
 * @property {{kind: string, data: Uint8Array}[]} chunks of a PNG with text
 * @property {number} pages pages or frames
 * @property {boolean} wasDeep whether it has more than 8 bits per channel
 */

/** @type {Metadata} */
const NOTHING = {
  exif: null, xmp: null, hasProfile: false, iptc: null, resolution: null, comments: [], chunks: [], pages: 1, wasDeep: false,
};

/**
 * Read the metadata of a photograph; what is damaged, or in a format whose metadata is not read, is
 * left out: metadata must never cost a photograph.
 * @param {Blob} file
 * @returns {Promise<Metadata>}
 */
export async function readMetadata(file) {
  try {
    const metadata = await readKind(await sniffKind(file), new Uint8Array(await file.arrayBuffer()));
    return { ...metadata, hasProfile: metadata.hasProfile || (await statesColorSpace(file)) };
  } catch (error) {
    console.info("metadata is left out:", error.message);
  }
  return NOTHING;
}

/** @param {string | undefined} kind @param {Uint8Array} bytes @returns {Promise<Metadata>} */
async function readKind(kind, bytes) {
  if (kind === "jpeg") return readJpeg(bytes);
  if (kind === "png") return readPng(bytes);
  if (kind === "webp") return readWebp(bytes);
  return kind === "gif" ? { ...NOTHING, pages: countFrames(bytes) } : NOTHING;
}

/** Read the orientation of the stored pixels, 1 (upright) to 8: that of EXIF, or else of XMP. @param {Metadata} metadata */
export const readOrientation = ({ exif, xmp }) => readExifOrientation(exif) ?? readXmpOrientation(xmp) ?? 1;

/**
 * Write a photograph's metadata into its result, with the note that a model made the colors.
 * @param {Blob} file JPEG or PNG, as the browser encodes it
 * @param {Metadata} metadata of the photograph
 * @param {[number, number]} size of the result
 * @param {() => Promise<Uint8Array>} loadProfile the profile of sRGB
 */
export async function writeMetadata(file, metadata, size, loadProfile) {
  const orientation = readOrientation(metadata);
  const packet = createResultPacket(metadata.xmp, size, orientation);
  const isJpeg = file.type === "image/jpeg";
  const result = {
    ...metadata,
    exif: metadata.exif && setUpright(metadata.exif, size, orientation),
    xmp: isJpeg && !fitsIntoJpeg(packet) ? createResultPacket(null, size, orientation) : packet,
    resolution: metadata.resolution && checkResolution(turnExtent(metadata.resolution, orientation)),
  };
  const profile = metadata.hasProfile ? await loadProfile() : null;
  return isJpeg ? writeJpeg(file, result, profile) : writePng(file, result, profile);
}

/** @param {[number, number]} resolution */
const checkResolution = (resolution) =>
  (resolution.every((value) => value > 1 && value < MAX_RESOLUTION) ? resolution : null);
