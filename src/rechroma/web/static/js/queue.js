/**
 * The way of each photograph: seen in grey, then in colour, then coloured whole as a job.
 *
 * What goes with a photograph but is nobody's to show stays here: what the browser can decode of
 * it, the small copy, and its jobs.
 */

import { Refusal } from "./api.js";
import { turned, USUAL_KNOBS } from "./color.js";
import { hintsText } from "./hintfile.js";
import { bytesOf, copyOf, createShelf, jpegOf, thumbOf } from "./pictures.js";

const AT_A_TIME = 2;
const GREY_SIDE = 2048; // of the picture in grey, where the browser cannot decode the file
const GONE = [404, 410]; // a job that the server has forgotten
const MOST_TRIES = 5; // for a server that forgets jobs that are under way

/** @typedef {import("./store.js").Photo} Photo */

let nextId = 1;

/** @param {File} file @returns {Photo} */
export function newPhoto(file) {
  return {
    id: nextId++,
    name: file.name,
    file,
    stage: "waiting",
    problem: null,
    width: 0,
    height: 0,
    hadColor: false,
    pages: 1,
    thumb: null,
    chroma: null,
    sketched: undefined,
    refused: null,
    wish: { knobs: USUAL_KNOBS, hints: [] },
    taken: null,
    past: [],
    future: [],
  };
}

/** What tells one order of a picture from another. */
const orderKey = (wish, badge) => JSON.stringify([wish.knobs, hintsText(wish.hints), badge]);

/** What is too large to be shown may still be coloured. */
function passTooLarge(error) {
  if (error.status !== 413) throw error;
}

const randomName = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16)).join("-");

/** @returns {import("./render.js").Chroma} of what the service sent, in base64 */
export function chromaOf({ width, height, step, data }) {
  const bytes = bytesOf(data);
  const view = new DataView(bytes.buffer);
  const values = Float32Array.from({ length: bytes.length / 2 }, (_, i) =>
    view.getInt16(2 * i, true) * step);
  return { width, height, data: values };
}

/** The colours of a photo as its user wants them. */
export const wantedChroma = ({ chroma, wish }) =>
  chroma && { ...chroma, data: turned(chroma.data, wish.knobs) };

/** @returns {{key: string, detail?: string}} words for what went wrong */
export function problemOf(error) {
  if (error instanceof Refusal) return { key: `problem.${error.type}`, detail: error.message };
  console.error(error);
  return { key: "problem.other" };
}

/**
 * @param {ReturnType<import("./store.js").createStore>} store
 * @param {ReturnType<import("./api.js").createApi>} api
 */
export function createQueue(store, api) {
  const shelf = createShelf();
  /** @type {Map<number, {seen: Promise<Blob>, copy: Promise<Blob>, jobs: Map<string, Promise<any>>}>} */
  const kept = new Map();
  let running = 0;
  let reading = Promise.resolve();

  function add(files) {
    const photos = files.map(newPhoto);
    store.set({
      photos: [...store.state.photos, ...photos],
      selected: store.state.selected ?? photos[0]?.id ?? null,
    });
    photos.forEach(prepare);
    next();
  }

  /** Read a photograph in its turn, so that many do not fill the memory at once. */
  function prepare(photo) {
    const isNext = photo.id === store.state.selected;
    const read = (isNext ? Promise.resolve() : reading).then(() => look(photo));
    reading = read.catch(() => {});
    const entry = { seen: read.then(() => photo.file), copy: read, jobs: new Map() };
    entry.seen.catch(() => {});
    entry.copy.catch(() => {});
    kept.set(photo.id, entry);
  }

  /** Show a photograph in grey; gives its small copy. */
  async function look(photo, seen = photo.file) {
    if (!store.photo(photo.id)) throw new Error("removed");
    const opened = await shelf.open(photo.id, seen);
    const { width, height } = opened.full;
    store.patch(photo.id, { width, height, thumb: thumbOf(opened.view) });
    const copy = await copyOf(opened, seen);
    shelf.tidy(store.state.selected);
    return copy;
  }

  function next() {
    while (running < AT_A_TIME) {
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
      const { pictures } = await jobOf(photo.id, (stage) => store.patch(photo.id, { stage }));
      const [{ had_color: hadColor, pages }] = pictures;
      store.patch(photo.id, { stage: "done", hadColor, pages });
    } catch (error) {
      if (!store.photo(photo.id)) return;
      store.patch(photo.id, { stage: "failed", problem: problemOf(error) });
    }
  }

  /** Show a photograph in colour; the service decodes what the browser cannot. */
  async function color(photo) {
    const entry = kept.get(photo.id);
    const copy = await entry.copy.catch(() => null);
    store.patch(photo.id, { stage: "sketching" });
    if (copy) return sketch(photo.id).catch(passTooLarge);
    const found = await api.sketch(photo.file, { grey: GREY_SIDE }).catch(passTooLarge);
    if (!found) return undefined;
    const seen = jpegOf(found.grey);
    entry.seen = Promise.resolve(seen);
    entry.copy = look(photo, seen);
    await entry.copy;
    store.patch(photo.id, { chroma: chromaOf(found.chroma) });
    return undefined;
  }

  async function sketch(id, signal) {
    const copy = await kept.get(id).copy;
    const hints = hintsText(store.photo(id)?.wish.hints ?? []);
    const { chroma } = await api.sketch(copy, { hints, signal });
    store.patch(id, { chroma: chromaOf(chroma), sketched: hints });
  }

  /** The ended job of a photo as it is wanted now; made once for each order. */
  async function jobOf(id, tell) {
    const { wish } = store.photo(id);
    const key = orderKey(wish, store.state.badge);
    const { jobs } = kept.get(id);
    if (!jobs.has(key)) {
      jobs.set(key, made(id, wish, tell));
      jobs.get(key).catch(() => jobs.delete(key));
    }
    return jobs.get(key);
  }

  async function made(id, wish, tell) {
    const { file, name } = store.photo(id);
    const query = { ...wish.knobs, ...(store.state.badge && { badge: true }) };
    const job = await ended(file, { name, query, hints: hintsText(wish.hints) }, tell);
    if (job.state === "done") return job;
    throw new Refusal(job.problem?.status ?? 500, job.problem ?? {});
  }

  /** A job at its end; one that a service forgot when it began anew is handed in again. */
  async function ended(file, order, tell, tries = MOST_TRIES) {
    tell("sending");
    const job = await api.submit(file, { ...order, repeat: randomName() });
    tell("coloring");
    return api.follow(job, () => {}).catch((error) => {
      if (!GONE.includes(error.status) || tries <= 1) throw error;
      return ended(file, order, tell, tries - 1);
    });
  }

  /** The finished file of a photo; a job that the server has forgotten is done again. */
  async function result(id) {
    const fetched = async () => api.result(await jobOf(id, () => {}));
    return fetched().catch((error) => {
      if (!GONE.includes(error.status)) throw error;
      kept.get(id).jobs.clear();
      return fetched();
    });
  }

  function remove(id) {
    const { photos, selected } = store.state;
    const at = photos.findIndex((photo) => photo.id === id);
    const left = photos.filter((photo) => photo.id !== id);
    const near = left[Math.min(at, left.length - 1)]?.id ?? null;
    store.set({ photos: left, selected: selected === id ? near : selected, spot: null });
    kept.get(id)?.jobs.forEach((job) => job.then(({ links }) =>
      api.ask(links.self, { method: "DELETE" })).catch(() => {}));
    kept.delete(id);
    shelf.drop(id);
  }

  function retry(id) {
    prepare(store.photo(id));
    store.patch(id, { stage: "waiting", problem: null });
    next();
  }

  return {
    add,
    remove,
    retry,
    sketch,
    result,
    copy: (id) => kept.get(id).copy,
    /** The pixels of a photo, or null where there are none to be seen yet. */
    opened: async (id) => {
      const seen = await kept.get(id)?.seen.catch(() => null);
      if (!seen || !store.photo(id)) return null;
      const opened = shelf.open(id, seen);
      shelf.tidy(store.state.selected); // another one may be shown by now
      return opened;
    },
  };
}
