/** The directories of an EXIF block, read and edited in place: maker notes point into it by offsets. */

import { viewOf } from "../../files/bytes.js";

const SIZES = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4]; // bytes of a value, by its type
const MAX_TAGS = 4096;
export const [SHORT, LONG, RATIONAL] = [3, 4, 5];

/**
 * @typedef {{tag: number, kind: number, length: number, at: number, place: number}} Entry `at`: of the
 *   field; `place`: of the values
 * @typedef {{start: number, entries: Entry[], linkAt: number}} Directory
 */

/** @param {Uint8Array} bytes a block from its byte-order mark on @throws {RangeError} it cannot be parsed */
export function createTiff(bytes) {
  const view = viewOf(bytes);
  const order = view.getUint16(0);
  if (order !== 0x4949 && order !== 0x4d4d) throw new RangeError("no EXIF block");
  const little = order === 0x4949;
  if (view.getUint16(2, little) !== 42) throw new RangeError("no EXIF block");

  /** @param {number} start @returns {Directory} */
  function directory(start) {
    const count = view.getUint16(start, little);
    if (count > MAX_TAGS) throw new RangeError("too many tags");
    const entries = Array.from({ length: count }, (_, index) => entry(start + 2 + 12 * index));
    return { start, entries, linkAt: start + 2 + 12 * count };
  }

  /** @param {number} start @returns {Entry} */
  function entry(start) {
    const kind = view.getUint16(start + 2, little);
    const length = view.getUint32(start + 4, little);
    const isInside = (SIZES[kind] ?? 0) * length <= 4;
    const place = isInside ? start + 8 : view.getUint32(start + 8, little);
    return { tag: view.getUint16(start, little), kind, length, at: start + 8, place };
  }

  return {
    first: () => directory(view.getUint32(4, little)),
    directory,
    /** Read whole numbers; none if they are of another type. @param {Entry} entry */
    integers({ kind, length, place }) {
      if (kind !== SHORT && kind !== LONG) return [];
      return Array.from({ length }, (_, index) =>
        (kind === SHORT ? view.getUint16(place + 2 * index, little) : view.getUint32(place + 4 * index, little)));
    },
    /** @param {Entry} entry a rational */
    ratio: ({ place }) => view.getUint32(place, little) / view.getUint32(place + 4, little),
    /** @param {number} at @param {number} value */
    write16: (at, value) => view.setUint16(at, value, little),
    /** @param {number} at @param {number} value */
    write32: (at, value) => view.setUint32(at, value, little),
  };
}
