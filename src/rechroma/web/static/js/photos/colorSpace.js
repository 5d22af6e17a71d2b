/**
 * Color spaces that a file states without an ICC profile. Browsers read them in their own ways, or
 * not at all.
 */

import { viewOf } from "../files/bytes.js";
import { listChunks } from "../files/pngChunks.js";

const FTYP = 0x66747970; // the first box of an AVIF or HEIC
const COLR = 0x636f6c72;
const NCLX = 0x6e636c78;
const UNSPECIFIED = 2;
const HEAD_BYTES = 1 << 17; // in which a file states it
const PNG = 0x89504e47;
const JPEG = 0xffd8;
const SRGB_GAMMA = 45455;
const GAMMA_TOLERANCE = 0.05; // as in the service
const SRGB_PRIMARIES = [31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000];
const PRIMARIES_TOLERANCE = 500;

/** Tell whether a file states a color space that is neither sRGB nor an ICC profile. @param {Blob} file */
export async function statesColorSpace(file) {
  const head = new DataView(await file.slice(0, HEAD_BYTES).arrayBuffer());
  if (head.byteLength < 8) return false;
  if (head.getUint32(0) === PNG) return isOtherPng(head);
  if (head.getUint32(4) === FTYP) return isOtherHeif(head);
  return head.getUint16(0) === JPEG && isAdobeRgb(head);
}

/** @param {DataView} heif */
function isOtherHeif(heif) {
  for (let at = 0; at + 12 <= heif.byteLength; at++) {
    if (heif.getUint32(at) !== COLR || heif.getUint32(at + 4) !== NCLX) continue;
    const [primaries, transfer] = [heif.getUint16(at + 8), heif.getUint16(at + 10)];
    return ![1, UNSPECIFIED].includes(primaries) || ![13, UNSPECIFIED].includes(transfer);
  }
  return false;
}

/** @param {DataView} png */
function isOtherPng(png) {
  const chunks = new Map(listChunks(new Uint8Array(png.buffer)).map(({ kind, data }) => [kind, readNumbers(data)]));
  if (chunks.has("cICP")) return true;
  if (chunks.has("iCCP") || chunks.has("sRGB")) return false;
  const gamma = chunks.get("gAMA")?.[0] ?? SRGB_GAMMA;
  const primaries = chunks.get("cHRM") ?? SRGB_PRIMARIES;
  return Math.abs(gamma / SRGB_GAMMA - 1) >= GAMMA_TOLERANCE ||
    primaries.some((value, at) => Math.abs(value - SRGB_PRIMARIES[at]) > PRIMARIES_TOLERANCE);
}

/** Read the 32-bit numbers of a chunk, at most eight. @param {Uint8Array} data */
function readNumbers(data) {
  const count = Math.min(8, data.length >> 2);
  return Array.from({ length: count }, (_, index) => viewOf(data).getUint32(4 * index));
}

/** Tell whether EXIF names a camera's file in Adobe RGB, and there is no profile. @param {DataView} jpeg */
function isAdobeRgb(jpeg) {
  const text = new TextDecoder("latin1").decode(jpeg);
  return text.includes("Exif\0\0") && text.includes("R03\0") && !text.includes("ICC_PROFILE\0");
}
