/** Bytes as text and back, pieces of files, and the checksum of zip and PNG. */

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */

/** @param {...(Uint8Array | number[] | string)} parts text is Latin-1 @returns {Bytes} */
export function join(...parts) {
  const arrays = parts.map((part) => (typeof part === "string" ? fromLatin1(part) : part));
  const joined = new Uint8Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of arrays) {
    joined.set(array, at);
    at += array.length;
  }
  return joined;
}

/** @param {string} text */
const fromLatin1 = (text) => Uint8Array.from(text, (sign) => sign.charCodeAt(0));

/** @param {Uint8Array} bytes */
export const toLatin1 = (bytes) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");

/** @param {Uint8Array} bytes @param {string} text in Latin-1 */
export const startsWith = (bytes, text) => toLatin1(bytes.subarray(0, text.length)) === text;

/** @param {Uint8Array} bytes */
export const viewOf = ({ buffer, byteOffset, byteLength }) => new DataView(buffer, byteOffset, byteLength);

/** Pack a number of 2 or 4 bytes, big-endian. @param {number} value @param {2 | 4} size */
export const big = (value, size) =>
  Array.from({ length: size }, (_, at) => (value >>> (8 * (size - 1 - at))) & 255);

/** @param {Uint8Array} bytes @param {CompressionStream | DecompressionStream} stream @returns {Promise<Bytes>} */
export const pipe = async (bytes, stream) =>
  new Uint8Array(await new Response(new Blob([/** @type {Bytes} */ (bytes)]).stream().pipeThrough(stream)).arrayBuffer());

const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** Compute the CRC-32. @param {Uint8Array} bytes */
export function computeCrc(bytes) {
  let crc = 0xffffffff;
  for (let at = 0; at < bytes.length; at++) crc = CRC[(crc ^ bytes[at]) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
