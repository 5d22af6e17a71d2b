/** A cache of the decoded images that were used last: a decoded photograph takes 4 bytes per pixel. */

import { decodeImage } from "./decodeImage.js";

const MAX_IMAGES = 3;

/** @typedef {import("./decodeImage.js").DecodedImage} DecodedImage */

export function createImageCache() {
  /** @type {Map<number, Promise<DecodedImage>>} the least recently used first */
  const images = new Map();

  /** @param {number} id */
  function remove(id) {
    const image = images.get(id);
    images.delete(id);
    image?.then(({ full, view }) => {
      full.close();
      view.close();
    }, () => {});
  }

  return {
    /** Get an image from the cache, or decode it. @param {number} id @param {Blob} file */
    open(id, file) {
      const image = images.get(id) ?? decodeImage(file);
      images.delete(id);
      images.set(id, image);
      image.catch(() => remove(id));
      return image;
    },
    /** Remove the least recently used images, but never the one on the stage. @param {?number} selected */
    trim(selected) {
      for (const id of [...images.keys()]) {
        if (images.size > MAX_IMAGES && id !== selected) remove(id);
      }
    },
    remove,
  };
}
