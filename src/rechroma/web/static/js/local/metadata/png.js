/** The chunks of a PNG that hold metadata. */

import { big, join, pipe, startsWith, toLatin1, viewOf } from "./bytes.js";
import { readResolution } from "./exif.js";
import { readComment } from "./jpeg.js";
import { SIGNATURE, listChunks, packChunk } from "./pngChunks.js";

const XMP = "XML:com.adobe.xmp\0";
const RAW_PROFILE = "Raw profile type ";
const METERS_PER_INCH = 0.0254;
const HEAD = SIGNATURE.length + 12 + 13; // bytes of the signature and of the header's chunk
const TEXT_KINDS = ["tEXt", "zTXt", "iTXt"];

/** @typedef {import("./copy.js").Metadata} Metadata */
/** @typedef {import("./pngChunks.js").Chunk} Chunk */

/** @param {Uint8Array} png @returns {Promise<Metadata>} */
export async function readPng(png) {
  const chunks = listChunks(png);
  /** @param {string} kind */
  const find = (kind) => chunks.find((one) => one.kind === kind)?.data;
  const exif = find("eXIf") ?? null;
  const texts = chunks.filter(({ kind }) => TEXT_KINDS.includes(kind));
  const packet = texts.find(({ data }) => startsWith(data, XMP));
  const frames = find("acTL");
  return {
    exif,
    xmp: packet ? await readText(packet.data).catch(() => null) : null,
    hasProfile: Boolean(find("iCCP")),
    iptc: null,
    resolution: readDensity(find("pHYs")) ?? readResolution(exif),
    comments: [],
    chunks: texts.filter(({ data }) => !startsWith(data, XMP) && !isRawBlock(data)),
    pages: frames ? viewOf(frames).getUint32(0) : 1,
    wasDeep: find("IHDR")?.[8] === 16,
  };
}

/** EXIF and XMP as text are not true of the result any more. @param {Uint8Array} data */
const isRawBlock = (data) => startsWith(data, RAW_PROFILE) && !/^(iptc|8bim)\0/i.test(toLatin1(data.subarray(RAW_PROFILE.length, RAW_PROFILE.length + 8)));

/** Read the content of an international text. @param {Uint8Array} data */
async function readText(data) {
  const isCompressed = data[XMP.length] === 1;
  const language = data.indexOf(0, XMP.length + 2);
  const content = data.subarray(data.indexOf(0, language + 1) + 1);
  return isCompressed ? pipe(content, new DecompressionStream("deflate")) : content;
}

/** @param {Uint8Array | undefined} data @returns {?[number, number]} pixels per inch */
function readDensity(data) {
  if (!data || data[8] !== 1) return null;
  const view = viewOf(data);
  return [view.getUint32(0) * METERS_PER_INCH, view.getUint32(4) * METERS_PER_INCH];
}

/**
 * Write metadata into a PNG, after its header.
 * @param {Blob} file
 * @param {Metadata} metadata true of the result
 * @param {?Uint8Array} profile
 */
export async function writePng(file, metadata, profile) {
  const chunks = await describe(metadata, profile);
  return new Blob([file.slice(0, HEAD), ...chunks.flatMap(packChunk), file.slice(HEAD)], { type: file.type });
}

/** @param {Metadata} metadata @param {?Uint8Array} profile @returns {Promise<Chunk[]>} */
async function describe({ exif, xmp, resolution, comments, chunks }, profile) {
  const found = [];
  if (profile) {
    const packed = await pipe(profile, new CompressionStream("deflate"));
    found.push({ kind: "iCCP", data: join("ICC profile\0\0", packed) });
  }
  if (resolution) {
    const [across, down] = resolution.map((value) => Math.round(value / METERS_PER_INCH));
    found.push({ kind: "pHYs", data: join(big(across, 4), big(down, 4), [1]) });
  }
  if (exif) found.push({ kind: "eXIf", data: exif });
  if (xmp) found.push({ kind: "iTXt", data: join(XMP, "\0\0\0\0", xmp) });
  for (const comment of comments) {
    const text = new TextEncoder().encode(readComment(comment));
    found.push({ kind: "iTXt", data: join("Comment\0\0\0\0\0", text) });
  }
  return [...found, ...chunks];
}
