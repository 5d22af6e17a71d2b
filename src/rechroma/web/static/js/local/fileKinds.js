/** Kinds of image files, by their first bytes. */

import { toLatin1 } from "../files/bytes.js";

const HEAD_BYTES = 32;
/** @type {[string, RegExp][]} */
const KINDS = [
  ["jpeg", /^\xff\xd8/],
  ["png", /^\x89PNG\r\n\x1a\n/],
  ["gif", /^GIF8/],
  ["webp", /^RIFF....WEBP/s],
  ["bmp", /^BM/],
  ["tiff", /^(II[*+]\0|MM\0[*+])/],
  ["avif", /^....ftypavi[fs]/s],
  ["heif", /^....ftyp(hei[cxms]|hev[cxms]|mif1|msf1)/s],
  ["jpeg2000", /^(\0\0\0\x0cjP {2}|\xff\x4f\xff\x51)/],
];

/** Tell the kind of a file; undefined if it is none of those that Rechroma colors. @param {Blob} file */
export async function sniffKind(file) {
  const head = toLatin1(new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer()));
  return KINDS.find(([, start]) => start.test(head))?.[0];
}

/**
 * Choose the format of a result: the photograph's own if the browser writes it with metadata, and
 * else PNG for what has no loss or is transparent, JPEG for the others.
 * @param {string | undefined} kind
 * @param {boolean} isTransparent
 */
export function resultType(kind, isTransparent) {
  const isLossy = ["jpeg", "webp", "avif", "heif"].includes(kind ?? "");
  return kind === "jpeg" || (isLossy && !isTransparent) ? "image/jpeg" : "image/png";
}
