/** The queue of photographs: each gets a preview, then is colored in full size by a job. */

import { toProblem } from "../page/texts.js";

const MAX_CONCURRENT = 2;

/** @typedef {import("../state/store.js").Photo} Photo */

let nextId = 1;

/**
 * @param {File} file
 * @param {string} label
 * @param {string} model
 * @param {import("../state/store.js").Adjustments} adjustments
 * @returns {Photo}
 */
function createPhoto(file, label, model, adjustments) {
  return {
    id: nextId++,
    name: file.name,
    label,
    file,
    stage: "waiting",
    problem: null,
    width: 0,
    height: 0,
    wasColor: false,
    wasDeep: false,
    pages: 1,
    damage: null,
    unreadableMetadata: [],
    thumbnail: null,
    chroma: null,
    previewed: null,
    rejected: null,
    edit: { model, adjustments, hints: [] },
    downloaded: null,
    past: [],
    future: [],
  };
}

/** Label another `a.jpg` as `a.jpg (2)`. @param {string} name @param {Set<string>} labels */
function addLabel(name, labels) {
  let label = name;
  for (let number = 2; labels.has(label); number++) label = `${name} (${number})`;
  labels.add(label);
  return label;
}

/**
 * @param {ReturnType<import("../state/store.js").createStore>} store
 * @param {import("../backend.js").Backend} backend
 * @param {ReturnType<import("./preview.js").createPreviews>} previews
 */
export function createQueue(store, backend, previews) {
  /** @type {Map<number, {jobs: import("../backend.js").Jobs, removal: AbortController}>} */
  const entries = new Map();
  let running = 0;
  /** @type {?number} */
  let offered = null; // the photograph that was put on the stage without a choice of the user

  /**
   * @param {File[]} files
   * @param {import("../state/store.js").Edit[]} edits of these files, if they were edited before
   */
  function add(files, edits = []) {
    const photos = createPhotos(files).map((photo, at) => ({ ...photo, edit: edits[at] ?? photo.edit }));
    store.set({ photos: [...store.state.photos, ...photos] });
    if (store.state.selected === null) offer(photos[0]);
    else replaceOffered();
    photos.forEach(enqueue);
    startNext();
    return photos;
  }

  /** @param {File[]} files */
  function createPhotos(files) {
    const labels = new Set(store.state.photos.map(({ label }) => label));
    const { defaults, model } = store.state;
    if (!defaults) throw new Error("photographs were added before the sliders were loaded");
    return files.map((file) => createPhoto(file, addLabel(file.name, labels), model, defaults));
  }

  /** @param {Photo | undefined} photo */
  function offer(photo) {
    if (!photo) return;
    offered = photo.id;
    store.set({ selected: photo.id, spot: null });
  }

  /** Give the stage to another photograph if the one that was offered has failed. */
  function replaceOffered() {
    const { current, state } = store;
    if (current?.id !== offered || current?.stage !== "failed") return;
    offer(state.photos.find(({ stage }) => stage !== "failed"));
  }

  /** @param {Photo} photo */
  function enqueue(photo) {
    const removal = new AbortController();
    entries.set(photo.id, { jobs: backend.createJobs(photo, removal.signal), removal });
    previews.add(photo, removal.signal);
  }

  function startNext() {
    while (running < MAX_CONCURRENT) {
      const waiting = store.state.photos.filter((photo) => photo.stage === "waiting");
      const photo = waiting.find(({ id }) => id === store.state.selected) ?? waiting[0];
      if (!photo) return;
      running++;
      store.patch(photo.id, { stage: "reading", problem: null });
      color(photo).finally(() => {
        running--;
        startNext();
      });
    }
  }

  /** @param {Photo} photo */
  async function color(photo) {
    try {
      await previews.show(photo);
      const [entry, current] = [entries.get(photo.id), store.photo(photo.id)];
      if (!entry || !current) return; // it was removed
      /** @param {import("../state/store.js").Stage} stage */
      const onProgress = (stage) => store.patch(photo.id, { stage });
      const facts = await entry.jobs.run(store.requestFor(current), onProgress);
      const { was_color: wasColor, was_deep: wasDeep = false, pages, damage } = facts;
      const unreadableMetadata = facts.unreadable_metadata ?? [];
      store.patch(photo.id, { stage: "done", wasColor, wasDeep, pages, damage, unreadableMetadata });
    } catch (error) {
      if (!store.photo(photo.id)) return;
      store.patch(photo.id, { stage: "failed", problem: toProblem(error) });
      replaceOffered();
    }
  }

  /**
   * Remove a photograph and its jobs; returns a function that restores it with its edits.
   * @param {number} id
   */
  function remove(id) {
    const { photos, selected, checked } = store.state;
    const at = photos.findIndex((photo) => photo.id === id);
    const rest = photos.filter((photo) => photo.id !== id);
    const row = store.sorted.findIndex((photo) => photo.id === id);
    const neighbor = (store.sorted[row + 1] ?? store.sorted[row - 1])?.id ?? null;
    store.set({
      photos: rest,
      checked: checked.filter((one) => one !== id),
      ...(selected === id && { selected: neighbor, spot: null }),
    });
    entries.get(id)?.removal.abort();
    entries.delete(id);
    previews.remove(id);
    return () => restore(photos[at], at);
  }

  /**
   * Add a removed photograph under a new id, so that late responses to the old one are ignored.
   * @param {Photo} photo
   * @param {number} at
   */
  function restore({ file, edit, past, future }, at) {
    const photo = { ...createPhotos([file])[0], edit, past, future };
    store.set({ photos: store.state.photos.toSpliced(at, 0, photo), selected: photo.id, spot: null });
    enqueue(photo);
    startNext();
  }

  /** @param {number} id */
  function retry(id) {
    const [entry, photo] = [entries.get(id), store.photo(id)];
    if (!entry || !photo) return;
    if (!photo.width) previews.add(photo, entry.removal.signal);
    store.patch(id, { stage: "waiting", problem: null });
    startNext();
  }

  return {
    add,
    remove,
    retry,
    /** Fetch the colored file of a photograph with its current edits. @param {number} id @returns {Promise<Blob>} */
    async fetchResult(id) {
      const [entry, photo] = [entries.get(id), store.photo(id)];
      if (!entry || !photo) throw new Error("the photograph was removed");
      return entry.jobs.fetchResult(store.requestFor(photo));
    },
  };
}
