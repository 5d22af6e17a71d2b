/** The chunks of a WebP that hold metadata; results are never WebP. */

import { startsWith, toLatin1, viewOf } from "../../files/bytes.js";
import { readResolution } from "./exif.js";

const PREFIX = "Exif\0\0"; // some programs write it, too

/** @param {Uint8Array} webp @returns {import("./copy.js").Metadata} */
export function readWebp(webp) {
  const view = viewOf(webp);
  /** @type {Map<string, Uint8Array>} */
  const chunks = new Map();
  let frames = 0;
  for (let at = 12; at + 8 <= webp.length;) {
    const kind = toLatin1(webp.subarray(at, at + 4));
    const length = view.getUint32(at + 4, true);
    if (kind === "ANMF") frames++;
    else if (!chunks.has(kind)) chunks.set(kind, webp.subarray(at + 8, at + 8 + length));
    at += 8 + length + (length % 2);
  }
  const block = chunks.get("EXIF") ?? null;
  const exif = block && startsWith(block, PREFIX) ? block.subarray(PREFIX.length) : block;
  return {
    exif,
    xmp: chunks.get("XMP ") ?? null,
    hasProfile: chunks.has("ICCP"),
    iptc: null,
    resolution: readResolution(exif),
    comments: [],
    chunks: [],
    pages: Math.max(frames, 1),
    wasDeep: false,
  };
}
