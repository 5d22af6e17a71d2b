/** Orientations that browsers do not follow: of EXIF in a WebP, and of XMP in any file. */

const HEAD_BYTES = 1 << 17; // in which a file usually has its XMP
const WEBP = /^RIFF....WEBPVP8X....(.)/s; // with flags of what else it has
const METADATA = 0x0c; // EXIF or XMP
const TURNED = /tiff:Orientation(=["']|>)[2-8]/;

/** Tell whether a file may be on its side after the browser has decoded it. @param {Blob} file */
export async function mayStayTurned(file) {
  const head = new TextDecoder("latin1").decode(await file.slice(0, HEAD_BYTES).arrayBuffer());
  const flags = WEBP.exec(head)?.[1].charCodeAt(0) ?? 0;
  return (flags & METADATA) !== 0 || TURNED.test(head);
}
