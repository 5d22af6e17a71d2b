/** Names of result files, and saving of files by the browser. */

/** @type {Record<string, string>} */
const SUFFIXES = {
  "image/jpeg": "jpg",
  "image/png": "png",
  "image/webp": "webp",
  "image/tiff": "tif",
  "image/bmp": "bmp",
  "image/heif": "heic",
};

const UNSAFE_CHARACTERS = /[<>:"/\\|?*\p{Cc}\u202a-\u202e\u2066-\u2069]/gu; // forbidden or misleading in file names

/** Get a file name without its suffix, valid on any system. @param {string} name */
export const fileStem = (name) => name.replace(/(?<=.)\.[^.]*$/, "").replace(UNSAFE_CHARACTERS, "_") || "photo";

/** Name a result as the command line does: `photo.color.jpg`. @param {string} name @param {string} type */
export function resultName(name, type) {
  const suffix = SUFFIXES[type] ?? type.split("/")[1];
  return `${fileStem(name)}.color.${suffix}`;
}

/** Let the browser save a file. @param {Blob} blob @param {string} name */
export function saveFile(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
