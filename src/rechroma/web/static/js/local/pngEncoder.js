/**
 * An encoder of PNG, strip by strip. That of a canvas always writes four channels, and loses the
 * colors of transparent pixels.
 */

import { packChunk, SIGNATURE } from "./metadata/pngChunks.js";
import { big, join } from "./metadata/bytes.js";

const [RGB, RGBA] = [2, 6]; // color types
const PAETH = 4; // the filter of all rows: the best single one for photographs

/** @param {number} width @param {number} height @param {boolean} isTransparent */
export function createPngEncoder(width, height, isTransparent) {
  const channels = isTransparent ? 4 : 3;
  const stream = new CompressionStream("deflate");
  const writer = stream.writable.getWriter();
  const compressed = new Response(stream.readable).arrayBuffer();
  let above = new Uint8Array(channels * width);

  return {
    /** Add rows. @param {Uint8ClampedArray} rgba */
    async add(rgba) {
      const rows = rgba.length / (4 * width);
      const filtered = new Uint8Array(rows * (1 + channels * width));
      for (let row = 0, to = 0; row < rows; row++) {
        const pixels = dropChannels(rgba.subarray(4 * row * width, 4 * (row + 1) * width), channels);
        filtered[to++] = PAETH;
        filterRow(pixels, above, channels, filtered, to);
        to += pixels.length;
        above = pixels;
      }
      await writer.write(filtered);
    },
    async finish() {
      await writer.close();
      const header = join(big(width, 4), big(height, 4), [8, isTransparent ? RGBA : RGB, 0, 0, 0]);
      const chunks = [
        { kind: "IHDR", data: header },
        { kind: "IDAT", data: new Uint8Array(await compressed) },
        { kind: "IEND", data: new Uint8Array() },
      ];
      return new Blob([SIGNATURE, ...chunks.flatMap(packChunk)], { type: "image/png" });
    },
  };
}

/** @param {Uint8ClampedArray} rgba @param {number} channels */
function dropChannels(rgba, channels) {
  if (channels === 4) return Uint8Array.from(rgba);
  const pixels = new Uint8Array((rgba.length / 4) * 3);
  for (let at = 0, from = 0; at < pixels.length; at += 3, from += 4) {
    pixels[at] = rgba[from];
    pixels[at + 1] = rgba[from + 1];
    pixels[at + 2] = rgba[from + 2];
  }
  return pixels;
}

/**
 * Subtract from each byte the one that Paeth's predictor expects.
 * @param {Uint8Array} row
 * @param {Uint8Array} above
 * @param {number} step bytes of a pixel
 * @param {Uint8Array} into
 * @param {number} start
 */
function filterRow(row, above, step, into, start) {
  for (let at = 0; at < row.length; at++) {
    const left = at < step ? 0 : row[at - step];
    const corner = at < step ? 0 : above[at - step];
    const toLeft = Math.abs(above[at] - corner);
    const toAbove = Math.abs(left - corner);
    const toCorner = Math.abs(left + above[at] - 2 * corner);
    const isLeft = toLeft <= toAbove && toLeft <= toCorner;
    into[start + at] = row[at] - (isLeft ? left : toAbove <= toCorner ? above[at] : corner);
  }
}
