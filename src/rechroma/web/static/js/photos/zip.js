/** Writes zip files whose members are stored as they are: pictures are compressed already. */

const VERSION = 20;
const UTF8_FLAG = 0x0800;
const MAX_ZIP_SIZE = 0xffffffff; // a zip without 64-bit fields holds no more

const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function computeCrc(bytes) {
  let crc = 0xffffffff;
  for (let at = 0; at < bytes.length; at++) crc = CRC[(crc ^ bytes[at]) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/**
 * @param {{name: string, content: Blob}[]} members with names that differ
 * @param {Date} when
 * @returns {Promise<Blob>}
 * @throws {RangeError} there is more than such a zip can hold
 */
export async function createZip(members, when = new Date()) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const { name, content } of members) {
    const common = await memberFields(name, content, when);
    const head = written([4, 0x04034b50], ...common.fields);
    directory.push(
      written([4, 0x02014b50], [2, VERSION], ...common.fields,
        [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]),
      common.name,
    );
    parts.push(head, common.name, content);
    offset += head.length + common.name.length + content.size;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  if (offset + size > MAX_ZIP_SIZE) throw new RangeError("too much for one zip");
  const count = members.length;
  const end = written([4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count],
    [4, size], [4, offset], [2, 0]);
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}

/** What the head of a member and its entry in the directory have in common. */
async function memberFields(name, content, when) {
  const encoded = new TextEncoder().encode(name);
  const crc = computeCrc(new Uint8Array(await content.arrayBuffer()));
  const time = (when.getHours() << 11) | (when.getMinutes() << 5) | (when.getSeconds() >> 1);
  const date = ((when.getFullYear() - 1980) << 9) | ((when.getMonth() + 1) << 5) | when.getDate();
  const fields = [
    [2, VERSION], [2, UTF8_FLAG], [2, 0], [2, time], [2, date],
    [4, crc], [4, content.size], [4, content.size], [2, encoded.length], [2, 0],
  ];
  return { name: encoded, fields };
}

/** @param {...[number, number]} fields sizes in bytes and values, little-endian */
function written(...fields) {
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
