/** The segments of a JPEG that hold metadata. */

import { big, join, startsWith, toLatin1, viewOf } from "../../files/bytes.js";
import { readResolution } from "./exif.js";
import { recordOfSegments, segmentsWith } from "./iptc.js";

const [APP0, APP1, APP2, APP13, APP15, COMMENT, SCAN] = [0xe0, 0xe1, 0xe2, 0xed, 0xef, 0xfe, 0xda];
const [JFIF, EXIF, PROFILE] = ["JFIF\0", "Exif\0\0", "ICC_PROFILE\0"];
const XMP = "http://ns.adobe.com/xap/1.0/\0";
const XMP_EXTENSION = "http://ns.adobe.com/xmp/extension/\0";
const LIMIT = 65533 - 40; // bytes of a segment, less the words in front of its content
const MAX_DENSITY = 65535;

/** @typedef {import("./copy.js").Metadata} Metadata */
/** @typedef {{marker: number, content: Uint8Array}} Segment */

/**
 * List the segments before the pixels.
 * @param {Uint8Array} jpeg
 * @returns {{segments: Segment[], rest: number}} `rest`: the place of what follows
 */
function listSegments(jpeg) {
  const view = viewOf(jpeg);
  const segments = [];
  let at = 2;
  while (at + 4 <= jpeg.length && jpeg[at] === 0xff) {
    const marker = jpeg[at + 1];
    if (marker === SCAN) break;
    if (marker === 0xff) {
      at++; // padding
      continue;
    }
    const end = at + 2 + view.getUint16(at + 2);
    segments.push({ marker, content: jpeg.subarray(at + 4, end) });
    at = end;
  }
  return { segments, rest: at };
}

/** @param {Uint8Array} jpeg @returns {Metadata} */
export function readJpeg(jpeg) {
  const { segments } = listSegments(jpeg);
  /** @param {number} marker @param {string} start */
  const find = (marker, start) => segments.filter((one) => one.marker === marker && startsWith(one.content, start))
    .map(({ content }) => content.subarray(start.length));
  const exif = find(APP1, EXIF)[0] ?? null;
  const xmp = find(APP1, XMP)[0] ?? null;
  return {
    exif,
    xmp: find(APP1, XMP_EXTENSION).length ? withoutExtensionNote(xmp) : xmp,
    hasProfile: find(APP2, PROFILE).length > 0,
    iptc: recordOfSegments(find(APP13, "")),
    resolution: readDensity(find(APP0, JFIF)[0]) ?? readResolution(exif),
    comments: find(COMMENT, ""),
    chunks: [],
    pages: 1,
    wasDeep: false,
  };
}

/** The extension of a packet is not copied, so the packet must not announce it. @param {?Uint8Array} xmp */
function withoutExtensionNote(xmp) {
  if (!xmp) return null;
  const text = new TextDecoder().decode(xmp).replace(/\s+\w+:HasExtendedXMP\s*=\s*(["'])[^"']*\1/, "");
  return new TextEncoder().encode(text);
}

/** Read the resolution in JFIF. @param {Uint8Array | undefined} jfif @returns {?[number, number]} */
function readDensity(jfif) {
  if (!jfif || jfif.length < 7) return null;
  const view = viewOf(jfif);
  const factor = [0, 1, 2.54][view.getUint8(2)] ?? 0;
  return factor ? [view.getUint16(3) * factor, view.getUint16(5) * factor] : null;
}

/**
 * Write metadata into a JPEG of the browser, in place of what the browser has written.
 * @param {Blob} file
 * @param {Metadata} metadata true of the result
 * @param {?Uint8Array} profile
 */
export async function writeJpeg(file, metadata, profile) {
  const jpeg = new Uint8Array(await file.arrayBuffer());
  const { segments, rest } = listSegments(jpeg);
  const own = segments.filter(({ marker }) => marker !== COMMENT && (marker < APP0 || marker > APP15));
  const parts = [...describe(metadata, profile), ...own].map(({ marker, content }) =>
    join([0xff, marker], big(content.length + 2, 2), content));
  return new Blob([join([0xff, 0xd8]), ...parts, file.slice(rest)], { type: file.type });
}

/** @param {Metadata} metadata @param {?Uint8Array} profile @returns {Segment[]} */
function describe({ exif, xmp, iptc, resolution, comments }, profile) {
  const density = resolution?.map((value) => Math.min(Math.round(value), MAX_DENSITY));
  const [unit, across, down] = density ? [1, ...density] : [0, 1, 1];
  const segments = [{ marker: APP0, content: join(JFIF, [1, 1, unit], big(across, 2), big(down, 2), [0, 0]) }];
  if (exif && exif.length <= LIMIT) segments.push({ marker: APP1, content: join(EXIF, exif) });
  if (xmp && xmp.length <= LIMIT) segments.push({ marker: APP1, content: join(XMP, xmp) });
  if (profile) segments.push({ marker: APP2, content: join(PROFILE, [1, 1], profile) });
  for (const content of iptc ? segmentsWith(iptc, LIMIT) : []) segments.push({ marker: APP13, content });
  for (const comment of comments) segments.push({ marker: COMMENT, content: join(comment.subarray(0, LIMIT)) });
  return segments;
}

/** Whether a packet fits into a JPEG. @param {Uint8Array} xmp */
export const fitsIntoJpeg = (xmp) => xmp.length <= LIMIT;

/** Text of a comment, for a PNG. @param {Uint8Array} comment */
export function readComment(comment) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(comment).replace(/\0+$/, "");
  } catch {
    return toLatin1(comment).replace(/\0+$/, "");
  }
}
