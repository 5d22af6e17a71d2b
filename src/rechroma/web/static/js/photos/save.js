/** Files for the user to keep, and their names. */

const SUFFIXES = {
  "image/jpeg": "jpg",
  "image/png": "png",
  "image/webp": "webp",
  "image/tiff": "tif",
  "image/bmp": "bmp",
  "image/heif": "heic",
};

const UNSAFE_CHARACTERS = /[<>:"/\\|?*\p{Cc}\u202a-\u202e\u2066-\u2069]/gu; // on some systems, or to be trusted

/** @param {string} name of a file @returns {string} without its suffix, fit for any system */
export const fileStem = (name) => name.replace(/(?<=.)\.[^.]*$/, "").replace(UNSAFE_CHARACTERS, "_") || "photo";

/** @returns {string} as the command line names results: `photo.color.jpg` */
export function resultName(name, type) {
  const suffix = SUFFIXES[type] ?? type.split("/")[1];
  return `${fileStem(name)}.color.${suffix}`;
}

/** Let the browser save a file. */
export function saveFile(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
