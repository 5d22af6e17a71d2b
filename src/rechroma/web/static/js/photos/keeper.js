/**
 * Keeps the photographs and what was changed in them in the browser, until they are removed: a reload
 * loses nothing. Where the browser has no storage, or no more, the page works without.
 */

import { fromFields, toFields } from "../state/projectFile.js";

const NAME = "rechroma";
const FILES = "files"; // the photographs, by a number
const EDITS = "edits"; // the fields of their edits, by the same number

/** @typedef {import("../state/store.js").Photo} Photo */
/** @typedef {import("../state/store.js").Edit} Edit */
/** @typedef {{key: IDBValidKey, file: File, edit: Edit}} Kept */

/** @returns {Promise<IDBDatabase>} @throws the browser has no storage, such as in a private window */
function openDatabase() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(FILES, { autoIncrement: true });
      request.result.createObjectStore(EDITS);
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
const resultOf = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

/** @param {IDBTransaction} transaction @returns {Promise<void>} */
const endOf = (transaction) => new Promise((resolve, reject) => {
  transaction.oncomplete = () => resolve();
  transaction.onabort = () => reject(transaction.error ?? new Error("no storage"));
});

/** @param {import("../state/store.js").Store} store */
export function createKeeper(store) {
  const opening = openDatabase();
  opening.catch(() => {}); // it is reported where it is awaited
  /** @type {Map<number, {key: IDBValidKey, edit: Edit}>} */
  const kept = new Map(); // by id of the photograph
  const lost = new Set(); // ids of those that could not be kept
  let isWriting = false;
  let hasLoaded = false;

  /** @returns {Promise<Kept[]>} what was kept before, without what cannot be read */
  async function load() {
    try {
      return await readAll(await opening);
    } catch (error) {
      console.info("photographs are not kept:", error.message);
      return [];
    } finally {
      hasLoaded = true;
    }
  }

  /** @param {IDBDatabase} database */
  async function readAll(database) {
    const { defaults } = store.state;
    if (!defaults) throw new Error("photographs were loaded before the sliders");
    const files = database.transaction(FILES).objectStore(FILES);
    const [keys, values] = await Promise.all([resultOf(files.getAllKeys()), resultOf(files.getAll())]);
    const edits = database.transaction(EDITS).objectStore(EDITS);
    return Promise.all(keys.map(async (key, at) => {
      const fields = await resultOf(edits.get(key));
      return { key, file: values[at], edit: fromFields(fields ?? {}, defaults) };
    }));
  }

  /** Write all changes, one photograph at a time, and those made meanwhile. */
  async function write() {
    if (isWriting || !hasLoaded) return;
    isWriting = true;
    const database = await opening.catch(() => null);
    while (database && (await writeNext(database)));
    isWriting = false;
    showState(database !== null);
  }

  /** @param {boolean} isAvailable */
  function showState(isAvailable) {
    for (const id of lost) if (!store.photo(id)) lost.delete(id);
    const { keeping } = store.state;
    const state = lost.size ? "full" : "kept";
    /** @type {import("../state/store.js").Keeping} */
    const now = { state: isAvailable ? state : "unavailable", lost: lost.size };
    if (now.state !== keeping.state || now.lost !== keeping.lost) store.set({ keeping: now });
  }

  /** Write one change. @param {IDBDatabase} database @returns {Promise<boolean>} whether there was one */
  async function writeNext(database) {
    for (const [id, { key }] of kept) {
      if (store.photo(id)) continue;
      kept.delete(id);
      await change(database, (files, edits) => {
        files.delete(key);
        edits.delete(key);
      }).catch(console.info);
      return true;
    }
    const photo = store.state.photos.find(({ id, edit }) => kept.get(id)?.edit !== edit && !lost.has(id));
    if (!photo) return false;
    store.set({ keeping: { ...store.state.keeping, state: "pending" } });
    await keep(database, photo).catch(() => lost.add(photo.id));
    return true;
  }

  /** @param {IDBDatabase} database @param {Photo} photo */
  async function keep(database, { id, file, edit }) {
    await change(database, async (files, edits) => {
      const key = kept.get(id)?.key ?? (await resultOf(files.add(file)));
      edits.put(toFields(edit), key);
      kept.set(id, { key, edit });
    }).catch((error) => {
      kept.delete(id);
      throw error;
    });
  }

  store.subscribe(write);
  return {
    load,
    /** Tell which photographs of the page are those that were loaded. @param {Photo[]} photos @param {Kept[]} loaded */
    assign: (photos, loaded) => photos.forEach(({ id, edit }, at) => kept.set(id, { key: loaded[at].key, edit })),
  };
}

/**
 * @param {IDBDatabase} database
 * @param {(files: IDBObjectStore, edits: IDBObjectStore) => unknown} act
 * @returns {Promise<void>} rejects if the storage is full
 */
async function change(database, act) {
  const transaction = database.transaction([FILES, EDITS], "readwrite");
  const end = endOf(transaction);
  await Promise.all([act(transaction.objectStore(FILES), transaction.objectStore(EDITS)), end]);
}
