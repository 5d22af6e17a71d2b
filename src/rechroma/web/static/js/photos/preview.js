/**
 * Previews: each photograph is decoded and shown in gray, then in the colors that the model predicts
 * for a small copy. The service decodes what the browser cannot.
 */

import { adjustChroma } from "../color/colorspace.js";
import { previewKey } from "../state/store.js";
import { createImageCache } from "./imageCache.js";
import { createSmallCopy, createThumbnail } from "./decodeImage.js";

const GRAY_SIDE = 4096; // of the gray image by the service, if the browser cannot decode the file

/** @typedef {import("../state/store.js").Photo} Photo */
/** @typedef {import("../color/render.js").Chroma} Chroma */

/** Get the colors of a photograph with the user's adjustments. @param {Photo} photo @returns {?Chroma} */
export const adjustedChroma = ({ chroma, edit }) =>
  chroma && { ...chroma, data: adjustChroma(chroma.data, edit.adjustments) };

/** A file that is too large for a preview can still be colored as a job. @param {any} error */
function ignoreTooLarge(error) {
  if (error.status !== 413) throw error;
}

/**
 * @typedef {object} Entry
 * @property {Promise<Blob>} file that the browser can decode: the photograph's, or the service's
 * @property {Promise<Blob>} copy a small one, of which previews are made
 * @property {AbortSignal} removal of the photograph
 */

/**
 * @param {ReturnType<import("../state/store.js").createStore>} store
 * @param {import("../backend.js").Backend} backend
 */
export function createPreviews(store, backend) {
  const cache = createImageCache();
  /** @type {Map<number, Entry>} */
  const entries = new Map();
  /** @type {Map<number, () => Promise<unknown>>} */
  const unread = new Map();
  let isReading = false;

  /** Add a photograph to those to be read. @param {Photo} photo @param {AbortSignal} removal */
  function add(photo, removal) {
    /** @type {Promise<Blob>} */
    const copy = new Promise((resolve) => {
      unread.set(photo.id, () => {
        const reading = read(photo, removal);
        resolve(reading);
        return reading.catch(() => {});
      });
    });
    const file = copy.then(() => photo.file);
    copy.catch(() => {});
    file.catch(() => {});
    entries.set(photo.id, { file, copy, removal });
    readAll();
  }

  /** Read one at a time, so that a batch does not fill the memory; the selected one first. */
  async function readAll() {
    if (isReading) return;
    isReading = true;
    while (unread.size) {
      const { selected } = store.state;
      const id = selected !== null && unread.has(selected) ? selected : [...unread.keys()][0];
      const readNext = unread.get(id);
      unread.delete(id);
      await readNext?.();
    }
    isReading = false;
  }

  /**
   * Show a photograph in gray; resolves to its small copy.
   * @param {Photo} photo
   * @param {AbortSignal} removal
   * @param {Blob} file that the browser can decode
   * @param {{width: number, height: number}} [size] of the photograph, if `file` is smaller
   */
  async function read(photo, removal, file = photo.file, size = undefined) {
    removal.throwIfAborted();
    const image = await cache.open(photo.id, file);
    const { width, height } = size ?? image.full;
    store.patch(photo.id, { width, height, thumbnail: createThumbnail(image.view) });
    const copy = await createSmallCopy(image, file);
    cache.trim(store.state.selected);
    return copy;
  }

  /** Show a photograph in color, if it is not too large for that. @param {Photo} photo */
  async function show(photo) {
    const entry = entries.get(photo.id);
    if (!entry) return; // it was removed
    const { removal } = entry;
    const copy = await entry.copy.catch(() => null);
    store.patch(photo.id, { stage: "previewing" });
    if (copy) {
      await update(photo.id, removal).catch(ignoreTooLarge);
      return;
    }
    const { model } = photo.edit;
    const options = { model, gray: GRAY_SIDE, signal: removal };
    const preview = await backend.predictChroma(photo.file, options).catch(ignoreTooLarge);
    const gray = preview?.gray;
    if (!gray) return;
    entry.file = Promise.resolve(gray);
    entry.copy = read(photo, removal, gray, preview);
    await entry.copy;
    const previewed = previewKey(model, undefined);
    store.patch(photo.id, { chroma: preview.chroma, previewed });
  }

  /** Predict the colors again, with the current model and hints. @param {number} id @param {AbortSignal} signal */
  async function update(id, signal) {
    const copy = await entries.get(id)?.copy;
    const photo = store.photo(id);
    if (!copy || !photo) return; // it was removed
    const { model, hints } = store.requestFor(photo);
    const { chroma } = await backend.predictChroma(copy, { model, hints, signal });
    store.patch(id, { chroma, previewed: previewKey(model, hints) });
  }

  /**
   * Get the decoded image of a photograph; null if it cannot be shown (yet). The small copy stands
   * in for a file that has become unreadable.
   * @param {number} id
   */
  async function open(id) {
    const entry = entries.get(id);
    const file = await entry?.file.catch(() => null);
    if (!entry || !file || !store.photo(id)) return null;
    const image = cache.open(id, file).catch(async () => cache.open(id, await entry.copy));
    cache.trim(store.state.selected); // which may have changed
    return image;
  }

  return {
    add,
    show,
    update,
    open,
    /** The small copy; undefined after its removal. @param {number} id */
    copy: (id) => entries.get(id)?.copy,
    /** @param {number} id */
    remove(id) {
      entries.delete(id);
      cache.remove(id);
    },
  };
}
