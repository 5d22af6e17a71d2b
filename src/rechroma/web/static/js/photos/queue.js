/**
 * The way of each photograph: seen as it came, then in color, then colored whole as a job.
 *
 * What goes with a photograph but is nobody's to show stays here: what the browser can decode of
 * it, the small copy, and its jobs.
 */

import { ApiError } from "../service/api.js";
import { turned, DEFAULT_ADJUSTMENTS } from "../color/colorspace.js";
import { serializeHints } from "../state/hintFile.js";
import { createJobs } from "../service/jobs.js";
import { decodeBase64, createSmallCopy, createImageCache, jpegOf, createThumbnail } from "./images.js";

const MAX_CONCURRENT = 2;
const GRAY_SIDE = 4096; // of the picture in gray, where the browser cannot decode the file

/** @typedef {import("../state/store.js").Photo} Photo */

let nextId = 1;

/** @param {File} file @param {string} label @returns {Photo} */
function newPhoto(file, label) {
  return {
    id: nextId++,
    name: file.name,
    label,
    file,
    stage: "waiting",
    problem: null,
    width: 0,
    height: 0,
    hadColor: false,
    pages: 1,
    thumbnail: null,
    chroma: null,
    previewedHints: undefined,
    rejectedHints: null,
    edit: { adjustments: DEFAULT_ADJUSTMENTS, hints: [] },
    downloaded: null,
    past: [],
    future: [],
  };
}

/** `a.jpg` from another folder is called `a.jpg (2)`. */
function uniqueLabel(name, labels) {
  let label = name;
  for (let number = 2; labels.has(label); number++) label = `${name} (${number})`;
  labels.add(label);
  return label;
}

/** What is too large to be shown may still be colored. */
function ignoreTooLarge(error) {
  if (error.status !== 413) throw error;
}

/** @returns {import("../color/render.js").Chroma} of what the service sent, in base64 */
function decodeChroma({ width, height, step, data }) {
  const bytes = decodeBase64(data);
  const view = new DataView(bytes.buffer);
  const values = Float32Array.from({ length: bytes.length / 2 }, (_, i) =>
    view.getInt16(2 * i, true) * step);
  return { width, height, data: values };
}

/** The colors of a photo as its user wants them. */
export const adjustedChroma = ({ chroma, edit }) =>
  chroma && { ...chroma, data: turned(chroma.data, edit.adjustments) };

/** @returns {import("../page/texts.js").Problem} words for what went wrong */
export function problemOf(error) {
  if (error instanceof ApiError) return { key: `problem.${error.type}`, detail: error.message };
  console.error(error);
  return { key: "problem.other" };
}

/**
 * @typedef {object} Entry
 * @property {Promise<Blob>} seen what the browser can decode of a photograph
 * @property {Promise<Blob>} copy what the service makes its first colors of
 * @property {ReturnType<createJobs>} jobs
 * @property {AbortController} removal
 */

/**
 * @param {ReturnType<import("../state/store.js").createStore>} store
 * @param {ReturnType<import("../service/api.js").createApi>} api
 */
export function createQueue(store, api) {
  const cache = createImageCache();
  /** @type {Map<number, Entry>} */
  const kept = new Map();
  /** @type {Map<number, () => Promise<unknown>>} what is to be read, and how */
  const unread = new Map();
  let running = 0;
  let isReading = false;

  function add(files) {
    const photos = photosOf(files);
    store.set({
      photos: [...store.state.photos, ...photos],
      selected: store.state.selected ?? photos[0]?.id ?? null,
    });
    photos.forEach(keep);
    next();
  }

  function photosOf(files) {
    const labels = new Set(store.state.photos.map(({ label }) => label));
    return files.map((file) => newPhoto(file, uniqueLabel(file.name, labels)));
  }

  function keep(photo) {
    const removal = new AbortController();
    const jobs = createJobs(api, photo, removal.signal);
    kept.set(photo.id, { ...readingOf(photo, removal.signal), jobs, removal });
  }

  /** Read a photograph when its turn comes. */
  function readingOf(photo, removal) {
    const copy = new Promise((resolve) => {
      unread.set(photo.id, () => {
        const reading = look(photo, removal);
        resolve(reading);
        return reading.catch(() => {});
      });
    });
    const seen = copy.then(() => photo.file);
    copy.catch(() => {});
    seen.catch(() => {});
    read();
    return { seen, copy };
  }

  /** Read one after the other, so that many do not fill the memory at once; first what is shown. */
  async function read() {
    if (isReading) return;
    isReading = true;
    while (unread.size) {
      const id = unread.has(store.state.selected) ? store.state.selected : [...unread.keys()][0];
      const begin = unread.get(id);
      unread.delete(id);
      await begin();
    }
    isReading = false;
  }

  /**
   * Show a photograph before it is in color; gives its small copy.
   * @param {Blob} seen what the browser can decode of it, and `size`, that of the whole
   */
  async function look(photo, removal, seen = photo.file, size = undefined) {
    removal.throwIfAborted();
    const opened = await cache.open(photo.id, seen);
    const { width, height } = size ?? opened.full;
    store.patch(photo.id, { width, height, thumbnail: createThumbnail(opened.view) });
    const copy = await createSmallCopy(opened, seen);
    cache.tidy(store.state.selected);
    return copy;
  }

  function next() {
    while (running < MAX_CONCURRENT) {
      const waiting = store.state.photos.filter((photo) => photo.stage === "waiting");
      const photo = waiting.find(({ id }) => id === store.state.selected) ?? waiting[0];
      if (!photo) return;
      running++;
      store.patch(photo.id, { stage: "reading", problem: null });
      work(photo).finally(() => {
        running--;
        next();
      });
    }
  }

  async function work(photo) {
    try {
      await color(photo);
      const { jobs } = kept.get(photo.id);
      const tell = (stage) => store.patch(photo.id, { stage });
      const { pictures } = await jobs.of(store.orderOf(store.photo(photo.id)), tell);
      const [{ had_color: hadColor, pages }] = pictures;
      store.patch(photo.id, { stage: "done", hadColor, pages });
    } catch (error) {
      if (!store.photo(photo.id)) return;
      store.patch(photo.id, { stage: "failed", problem: problemOf(error) });
    }
  }

  /** Show a photograph in color; the service decodes what the browser cannot. */
  async function color(photo) {
    const entry = kept.get(photo.id);
    const { signal } = entry.removal;
    const copy = await entry.copy.catch(() => null);
    store.patch(photo.id, { stage: "previewing" });
    if (copy) return sketch(photo.id, signal).catch(ignoreTooLarge);
    const found = await api.sketch(photo.file, { gray: GRAY_SIDE, signal }).catch(ignoreTooLarge);
    if (!found) return undefined;
    const seen = jpegOf(found.gray);
    entry.seen = Promise.resolve(seen);
    entry.copy = look(photo, signal, seen, found);
    await entry.copy;
    store.patch(photo.id, { chroma: decodeChroma(found.chroma) });
    return undefined;
  }

  async function sketch(id, signal) {
    const copy = await kept.get(id).copy;
    const hints = serializeHints(store.photo(id)?.edit.hints ?? []);
    const { chroma } = await api.sketch(copy, { hints, signal });
    store.patch(id, { chroma: decodeChroma(chroma), previewedHints: hints });
  }

  /** Forget a photo; gives a way to have it back, with all that was wanted of it. */
  function remove(id) {
    const { photos, selected } = store.state;
    const at = photos.findIndex((photo) => photo.id === id);
    const left = photos.filter((photo) => photo.id !== id);
    const near = left[Math.min(at, left.length - 1)]?.id ?? null;
    store.set({ photos: left, ...(selected === id && { selected: near, spot: null }) });
    kept.get(id)?.removal.abort();
    kept.delete(id);
    cache.drop(id);
    return () => restore(photos[at], at);
  }

  /** Begin anew with what is wanted of a photo; what was under way for the old one has no say. */
  function restore({ file, edit, past, future }, at) {
    const photo = { ...photosOf([file])[0], edit, past, future };
    store.set({ photos: store.state.photos.toSpliced(at, 0, photo), selected: photo.id, spot: null });
    keep(photo);
    next();
  }

  function retry(id) {
    const photo = store.photo(id);
    const entry = kept.get(id);
    if (!photo.width) Object.assign(entry, readingOf(photo, entry.removal.signal));
    store.patch(id, { stage: "waiting", problem: null });
    next();
  }

  return {
    add,
    remove,
    retry,
    sketch,
    /** The finished file of a photo as it is wanted now. */
    result: async (id) => kept.get(id).jobs.result(store.orderOf(store.photo(id))),
    copy: (id) => kept.get(id).copy,
    /**
     * The pixels of a photo, or null where there are none to be seen yet. The small copy stands in
     * for a file that can no longer be read.
     */
    opened: async (id) => {
      const entry = kept.get(id);
      const seen = await entry?.seen.catch(() => null);
      if (!seen || !store.photo(id)) return null;
      const opened = cache.open(id, seen).catch(async () => cache.open(id, await entry.copy));
      cache.tidy(store.state.selected); // another one may be shown by now
      return opened;
    },
  };
}
