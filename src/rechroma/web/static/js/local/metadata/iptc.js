/** IPTC-IIM records (captions, credits), in the Photoshop resources that hold them. */

import { big, join, startsWith, viewOf } from "../../files/bytes.js";

const HEADER = "Photoshop 3.0\0"; // of a segment in a JPEG
const SIGNATURE = "8BIM";
const RECORD = 0x0404;

/**
 * Read the record in the APP13 segments of a JPEG, which continue each other.
 * @param {Uint8Array[]} segments
 * @returns {?Uint8Array}
 */
export function recordOfSegments(segments) {
  const parts = segments.filter((segment) => startsWith(segment, HEADER));
  const data = join(...parts.map((segment) => segment.subarray(HEADER.length)));
  const view = viewOf(data);
  for (let at = 0; at + 12 <= data.length && startsWith(data.subarray(at), SIGNATURE);) {
    const number = view.getUint16(at + 4);
    const nameLength = data[at + 6];
    at += 7 + nameLength + ((nameLength + 1) % 2);
    if (at + 4 > data.length) break;
    const size = view.getUint32(at);
    if (number === RECORD) return data.subarray(at + 4, at + 4 + size);
    at += 4 + size + (size % 2);
  }
  return null;
}

/** Split a record into APP13 segments of a JPEG. @param {Uint8Array} record @param {number} limit bytes of each */
export function segmentsWith(record, limit) {
  const resources = join(SIGNATURE, big(RECORD, 2), big(0, 2), big(record.length, 4), record, [0].slice(record.length % 2 ? 0 : 1));
  const step = limit - HEADER.length;
  return Array.from({ length: Math.ceil(resources.length / step) }, (_, part) =>
    join(HEADER, resources.subarray(part * step, (part + 1) * step)));
}
