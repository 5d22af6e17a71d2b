/**
 * The orientation that a browser leaves undone: it follows EXIF in a JPEG and a PNG, but not every
 * browser does in a WebP, and none follows XMP.
 */

import { sniffKind } from "./fileKinds.js";
import { readMetadata, readOrientation } from "./metadata/copy.js";
import { readExifOrientation } from "./metadata/exif.js";

/** A WebP of 2 x 1 pixels that EXIF turns on its side. */
const PROBE = "UklGRlIAAABXRUJQVlA4WAoAAAAIAAAAAQAAAAAAVlA4TBEAAAAvAQAAAAdQwAIWsP+BiOh/AABFWElGGgAAAE1NACoAAAAIAAEBEgADAAAAAQAGAAAAAAAA";

/** Read the orientation in which a decoded photograph still is: 1 (upright) to 8. @param {Blob} file */
export async function readRemainingTurn(file) {
  const metadata = await readMetadata(file);
  const isTurned = readExifOrientation(metadata.exif) !== null && (await followsExif(file));
  return isTurned ? 1 : readOrientation(metadata);
}

/** @param {Blob} file */
const followsExif = async (file) => (await sniffKind(file)) !== "webp" || turnsWebp();

async function turnsWebp() {
  const probe = Uint8Array.from(atob(PROBE), (sign) => sign.charCodeAt(0));
  const { width, height } = await createImageBitmap(new Blob([probe]), { imageOrientation: "from-image" });
  return height > width;
}
