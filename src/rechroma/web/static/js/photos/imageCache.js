/** A cache of the decoded images that were used last: a decoded photograph takes 4 bytes per pixel. */

import { decodeImage } from "./decodeImage.js";

const MAX_PIXELS = 24_000_000; // of all images together

/** @typedef {import("./decodeImage.js").DecodedImage} DecodedImage */

export function createImageCache() {
  /** @type {Map<number, {image: Promise<DecodedImage>, pixels: number}>} the least recently used first */
  const images = new Map();

  /** @param {number} id */
  function remove(id) {
    const known = images.get(id);
    images.delete(id);
    known?.image.then(({ full, view }) => {
      full.close();
      view.close();
    }, () => {});
  }

  /** @param {Blob} file */
  function decode(file) {
    const entry = { image: decodeImage(file), pixels: 0 };
    entry.image.then(({ full, view }) => {
      entry.pixels = full.width * full.height + (view === full ? 0 : view.width * view.height);
    }, () => {});
    return entry;
  }

  return {
    /** Get an image from the cache, or decode it. @param {number} id @param {Blob} file */
    open(id, file) {
      const entry = images.get(id) ?? decode(file);
      images.delete(id);
      images.set(id, entry);
      entry.image.catch(() => remove(id));
      return entry.image;
    },
    /** Remove the least recently used images, but never the last one, nor that on the stage. @param {?number} selected */
    trim(selected) {
      let total = [...images.values()].reduce((sum, { pixels }) => sum + pixels, 0);
      for (const [id, { pixels }] of [...images].slice(0, -1)) {
        if (total <= MAX_PIXELS || id === selected) continue;
        remove(id);
        total -= pixels;
      }
    },
    remove,
  };
}
