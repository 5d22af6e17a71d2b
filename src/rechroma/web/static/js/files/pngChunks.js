/** The chunks of a PNG. */

import { big, computeCrc, join, toLatin1, viewOf } from "./bytes.js";

export const SIGNATURE = join("\x89PNG\r\n\x1a\n");

/** @typedef {{kind: string, data: Uint8Array}} Chunk */

/** List the chunks of a PNG. @param {Uint8Array} png @returns {Chunk[]} */
export function listChunks(png) {
  const view = viewOf(png);
  const chunks = [];
  for (let at = SIGNATURE.length; at + 12 <= png.length;) {
    const length = view.getUint32(at);
    chunks.push({ kind: toLatin1(png.subarray(at + 4, at + 8)), data: png.subarray(at + 8, at + 8 + length) });
    at += length + 12;
  }
  return chunks;
}

/** @param {Chunk} chunk */
export function packChunk({ kind, data }) {
  const content = join(kind, data);
  return [join(big(data.length, 4)), content, join(big(computeCrc(content), 4))];
}
