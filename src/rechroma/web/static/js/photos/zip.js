/** A writer of zip files. Members are stored uncompressed, because images are compressed already. */

import { computeCrc } from "../files/bytes.js";

const VERSION = 20;
const UTF8_FLAG = 0x0800;
const MAX_ZIP_SIZE = 0xffffffff; // bytes, without the zip64 extension

/**
 * @param {{name: string, content: Blob}[]} members with unique names
 * @param {Date} modified the time of all members
 * @returns {Promise<Blob>}
 * @throws {RangeError} the members are larger than a zip can be
 */
export async function createZip(members, modified = new Date()) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const { name, content } of members) {
    const common = await memberFields(name, content, modified);
    const head = packFields([4, 0x04034b50], ...common.fields);
    directory.push(
      packFields([4, 0x02014b50], [2, VERSION], ...common.fields,
        [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]),
      common.name,
    );
    parts.push(head, common.name, content);
    offset += head.length + common.name.length + content.size;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  if (offset + size > MAX_ZIP_SIZE) throw new RangeError("too large for a zip");
  const count = members.length;
  const end = packFields([4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count],
    [4, size], [4, offset], [2, 0]);
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}

/**
 * Create the fields that a member's local header and its directory entry share.
 * @param {string} name
 * @param {Blob} content
 * @param {Date} modified
 */
async function memberFields(name, content, modified) {
  const encoded = new TextEncoder().encode(name);
  const crc = computeCrc(new Uint8Array(await content.arrayBuffer()));
  const time = (modified.getHours() << 11) | (modified.getMinutes() << 5) | (modified.getSeconds() >> 1);
  const date = ((modified.getFullYear() - 1980) << 9) | ((modified.getMonth() + 1) << 5) | modified.getDate();
  const fields = [
    [2, VERSION], [2, UTF8_FLAG], [2, 0], [2, time], [2, date],
    [4, crc], [4, content.size], [4, content.size], [2, encoded.length], [2, 0],
  ];
  return { name: encoded, fields };
}

/** Pack fields into bytes, little-endian. @param {...number[]} fields pairs of size, 2 or 4 bytes, and value */
function packFields(...fields) {
  const bytes = new Uint8Array(fields.reduce((sum, [size]) => sum + size, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [size, value] of fields) {
    if (size === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += size;
  }
  return bytes;
}
