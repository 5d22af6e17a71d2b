/**
 * An encoder of PNG, strip by strip. That of a canvas always writes four channels, and loses the
 * colors of transparent pixels.
 */

import { BackendError } from "../backend.js";
import { big, join } from "./metadata/bytes.js";
import { packChunk, SIGNATURE } from "./metadata/pngChunks.js";

const [RGB, RGBA] = [2, 6]; // color types
const UP = 2; // the filter of all rows: as small as the best one of each photograph within some percent

/** @param {number} width @param {number} height @param {boolean} isTransparent */
export function createPngEncoder(width, height, isTransparent) {
  const channels = isTransparent ? 4 : 3;
  const deflater = startDeflater();
  let above = new Uint8ClampedArray(4 * width);
  /** @type {Promise<unknown>} */
  let writing = Promise.resolve(); // the strip before, while the next one is filtered

  return {
    /** Add rows. @param {ImageData} strip */
    async add({ data, height: rows }) {
      const filtered = filterRows(data, above, rows, channels);
      above = data.slice(-4 * width);
      await writing;
      writing = deflater.ask(filtered);
      writing.catch(() => {}); // it is reported by the next strip
    },
    async finish() {
      await writing;
      const data = await deflater.ask(null);
      const header = join(big(width, 4), big(height, 4), [8, isTransparent ? RGBA : RGB, 0, 0, 0]);
      const [start, end] = [{ kind: "IHDR", data: header }, { kind: "IEND", data: new Uint8Array() }].map(packChunk);
      return new Blob([SIGNATURE, ...start, data, ...end], { type: "image/png" });
    },
    release: deflater.stop,
  };
}

/** Start the worker that compresses: browsers do it slowly, and here beside the next strip. */
function startDeflater() {
  const worker = new Worker(new URL("./pngDeflater.js", import.meta.url), { type: "module" });
  /** Add filtered rows, or end with null: resolves to the chunks of the data. @param {?Uint8Array<ArrayBuffer>} rows @returns {Promise<Blob>} */
  const ask = (rows) => new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new BackendError("engine", event.message));
    };
    worker.postMessage(rows, rows ? [rows.buffer] : []);
  });
  return { ask, stop: () => worker.terminate() };
}

/**
 * Subtract from each byte the one above it.
 * @param {Uint8ClampedArray} rgba
 * @param {Uint8ClampedArray} above the row above
 * @param {number} rows
 * @param {number} channels
 */
function filterRows(rgba, above, rows, channels) {
  const stride = rgba.length / rows;
  const filtered = new Uint8Array(rows * (1 + (channels * stride) / 4));
  let to = 0;
  for (let row = 0; row < rows; row++) {
    const [before, start] = row ? [rgba, (row - 1) * stride] : [above, 0];
    filtered[to++] = UP;
    for (let at = 0, from = row * stride; at < stride; at += 4, from += 4) {
      for (let channel = 0; channel < channels; channel++) {
        filtered[to++] = rgba[from + channel] - before[start + at + channel];
      }
    }
  }
  return filtered;
}
