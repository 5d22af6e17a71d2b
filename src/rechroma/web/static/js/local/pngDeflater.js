/** A worker that compresses the filtered rows of one PNG: it answers each message. */

import { packChunk } from "./metadata/pngChunks.js";

const stream = new CompressionStream("deflate");
const writer = stream.writable.getWriter();
const chunks = collect();

/** Pack what is compressed, piece by piece. */
async function collect() {
  const parts = [];
  for (const reader = stream.readable.getReader(); ;) {
    const { value, done } = await reader.read();
    if (done) return new Blob(parts);
    parts.push(...packChunk({ kind: "IDAT", data: value }));
  }
}

/** @param {MessageEvent<?Uint8Array<ArrayBuffer>>} event filtered rows, or null at the end */
onmessage = async ({ data }) => {
  if (data) {
    await writer.write(data);
    data.buffer.transfer(0); // frees it now
    postMessage(null);
  } else {
    await writer.close();
    postMessage(await chunks);
  }
};
