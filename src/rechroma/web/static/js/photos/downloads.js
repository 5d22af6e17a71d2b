/** Downloads of one photograph, or of all as a zip. */

import { requestKey } from "../backend.js";
import { find } from "../page/dom.js";
import { describeProblem, listNames, t, toProblem } from "../page/texts.js";
import { isFinished } from "../state/store.js";
import { resultName, saveFile } from "./resultFiles.js";
import { createZip } from "./zip.js";

const ZIP_NAME = "rechroma.zip";
const ALL = "all";

/** @typedef {import("../state/store.js").Photo} Photo */
/** @typedef {{id: number, key: string, name: string, content: Blob}} Result */
/** @typedef {{name: string, error: unknown}} Failure */

/**
 * @param {ReturnType<import("../state/store.js").createStore>} store
 * @param {ReturnType<import("./queue.js").createQueue>} queue
 * @param {(problem: import("../page/texts.js").Problem) => void} showError
 */
export function initDownloads(store, queue, showError) {
  const one = find("#download", HTMLButtonElement);
  const all = find("#download-all", HTMLButtonElement);
  const badge = find("#badge", HTMLInputElement);

  const inProgress = new Set(); // ids of photographs, or ALL
  /** @type {?{done: number, count: number}} */
  let progress = null; // of the zip

  const finished = () => store.targets.filter((photo) => photo.stage === "done");

  /**
   * Run a download and show that it is in progress; a second click on its button does nothing.
   * @param {unknown} what id of a photograph, or ALL
   * @param {() => Promise<void>} download
   */
  async function runOnce(what, download) {
    if (inProgress.has(what)) return;
    inProgress.add(what);
    store.set({});
    try {
      await download();
    } catch (error) {
      showError(error instanceof RangeError ? { key: "problem.zip-too-large" } : toProblem(error));
    } finally {
      inProgress.delete(what);
      store.set({});
    }
  }

  async function downloadOne() {
    const photo = store.current;
    const result = photo && (await fetchResult(photo));
    if (!result) return;
    saveFile(result.content, result.name);
    markDownloaded([result], result.name);
  }

  async function downloadAll() {
    /** @type {Result[]} */
    const results = [];
    /** @type {Failure[]} */
    const failures = [];
    const photos = finished();
    for (const [done, photo] of photos.entries()) {
      progress = { done, count: photos.length };
      store.set({});
      const result = await fetchResult(photo).catch((error) => {
        failures.push({ name: photo.label, error });
      });
      if (result) results.push(result);
    }
    progress = null;
    if (results.length) {
      saveFile(await createZip(deduplicateNames(results)), ZIP_NAME);
      markDownloaded(results, ZIP_NAME);
    }
    if (failures.length) showError(describeMissing(failures));
  }

  /** @param {Result[]} results @param {string} name of the saved file */
  function markDownloaded(results, name) {
    store.set({ announcement: t("announce.downloaded", { name }) });
    for (const { id, key } of results) store.patch(id, { downloaded: key });
  }

  /** @param {Photo} photo @returns {Promise<?Result>} null if it was removed meanwhile */
  async function fetchResult({ id, name }) {
    const photo = store.photo(id);
    if (!photo) return null;
    const key = requestKey(store.requestFor(photo));
    try {
      const content = await queue.fetchResult(id);
      return { id, key, name: resultName(name, content.type), content };
    } catch (error) {
      if (store.photo(id)) throw error;
      return null;
    }
  }

  one.addEventListener("click", () => runOnce(store.state.selected, downloadOne));
  all.addEventListener("click", () => runOnce(ALL, downloadAll));
  badge.addEventListener("change", () => store.set({ badge: badge.checked }));
  /** Describe what the zip contains, or how far it is. */
  function describeZip() {
    if (progress) return t("download.all.progress", progress);
    const count = store.state.checked.length;
    return count ? t("download.checked", { count }) : t("download.all");
  }

  store.subscribe(({ photos, selected }) => {
    one.disabled = store.current?.stage !== "done";
    one.setAttribute("aria-busy", String(inProgress.has(selected)));
    all.hidden = photos.filter(({ stage }) => stage === "done").length < 2;
    all.disabled = !finished().length || !store.targets.every(isFinished);
    all.setAttribute("aria-busy", String(inProgress.has(ALL)));
    all.textContent = describeZip();
    find("#remarks").textContent = store.current ? describeRemarks(store.current) : "";
  });
}

/**
 * Describe which photographs are missing from the zip, and why the first one is.
 * @param {Failure[]} failures
 */
function describeMissing(failures) {
  const names = listNames(failures.map(({ name }) => name));
  const why = describeProblem(toProblem(failures[0].error));
  return { key: "problem.zip-incomplete", values: { names, why } };
}

/** Describe a kind of metadata. @param {string} kind such as "EXIF" or "ICC profile" */
const describeKind = (kind) => t(`metadata.${kind.toLowerCase().replace(" ", "-")}`);

/** Describe what a result lacks. @param {Photo} photo */
export function describeRemarks({ wasColor, wasDeep, pages, damage, unreadableMetadata }) {
  return [
    wasColor && t("remark.color"),
    wasDeep && t("remark.deep"),
    pages > 1 && t("remark.pages", { pages }),
    damage && t(`remark.${damage}`),
    unreadableMetadata.length > 0 && t("remark.metadata", { kinds: unreadableMetadata.map(describeKind).join(", ") }),
  ].filter(Boolean).join(" ");
}

/** Rename the second `a.color.jpg` to `a-2.color.jpg`. @param {Result[]} results @returns {Result[]} */
function deduplicateNames(results) {
  const used = new Set();
  return results.map((result) => {
    let { name } = result;
    for (let number = 2; used.has(name.toLowerCase()); number++) {
      name = result.name.replace(/(\.color\.\w+)$/, `-${number}$1`);
    }
    used.add(name.toLowerCase());
    return { ...result, name };
  });
}
