/** Taking home: one photograph, or all of them as a zip. */

import { requestKey } from "../service/jobs.js";
import { problemOf } from "./queue.js";
import { resultName, saveFile } from "./save.js";
import { t, describeProblem } from "../page/texts.js";
import { createZip } from "./zip.js";

const ZIP_NAME = "rechroma.zip";
const ALL = "all";
const MAX_NAMES = 5; // in a complaint

/**
 * @param {ReturnType<import("../state/store.js").createStore>} store
 * @param {ReturnType<import("./queue.js").createQueue>} queue
 * @param {(problem: import("../page/texts.js").Problem) => void} showError
 */
export function initDownloads(store, queue, showError) {
  const one = document.querySelector("#download");
  const all = document.querySelector("#download-all");
  const badge = document.querySelector("#badge");
  const remarks = document.querySelector("#remarks");

  const inProgress = new Set(); // the photographs that are being downloaded, or ALL
  let progress = null; // of the zip

  const finished = () => store.state.photos.filter((photo) => photo.stage === "done");

  /** One press at a time, and a sign that it is heard. */
  async function press(what, take) {
    if (inProgress.has(what)) return;
    inProgress.add(what);
    store.set({});
    try {
      await take();
    } catch (error) {
      showError(error instanceof RangeError ? { key: "problem.zip" } : problemOf(error));
    } finally {
      inProgress.delete(what);
      store.set({});
    }
  }

  async function downloadOne() {
    const found = await fetchResult(store.current);
    if (found) markDownloaded([found], found.content, found.name);
  }

  async function downloadAll() {
    const [members, failures] = [[], []];
    const wanted = finished();
    for (const [done, photo] of wanted.entries()) {
      progress = { done, count: wanted.length };
      store.set({});
      const found = await fetchResult(photo).catch((error) => {
        failures.push({ name: photo.label, error });
      });
      if (found) members.push(found);
    }
    progress = null;
    if (members.length) markDownloaded(members, await createZip(deduplicateNames(members)), ZIP_NAME);
    if (failures.length) showError(describeMissing(failures));
  }

  function markDownloaded(members, content, name) {
    saveFile(content, name);
    store.set({ say: t("said.taken", { name }) });
    for (const { id, order } of members) store.patch(id, { downloaded: order });
  }

  /** The finished file of a photograph; nothing for one that was removed meanwhile. */
  async function fetchResult({ id, name }) {
    const photo = store.photo(id);
    if (!photo) return null;
    const order = requestKey(store.orderOf(photo));
    try {
      const content = await queue.result(id);
      return { id, order, name: resultName(name, content.type), content };
    } catch (error) {
      if (store.photo(id)) throw error;
      return null;
    }
  }

  one.addEventListener("click", () => press(store.state.selected, downloadOne));
  all.addEventListener("click", () => press(ALL, downloadAll));
  badge.addEventListener("change", () => store.set({ badge: badge.checked }));
  store.subscribe(({ photos, selected }) => {
    one.disabled = store.current?.stage !== "done";
    one.setAttribute("aria-busy", String(inProgress.has(selected)));
    all.hidden = finished().length < 2;
    all.disabled = photos.some(({ stage }) => stage !== "done" && stage !== "failed");
    all.setAttribute("aria-busy", String(inProgress.has(ALL)));
    all.textContent = progress ? t("download.all.progress", progress) : t("download.all");
    remarks.textContent = store.current ? describeRemarks(store.current) : "";
  });
}

/** What is said of those that did not come. */
function describeMissing(failures) {
  const shown = failures.slice(0, MAX_NAMES).map(({ name }) => name);
  const names = [...shown, ...(failures.length > MAX_NAMES ? [`… (${failures.length})`] : [])].join(", ");
  return { key: "problem.left", values: { names, why: describeProblem(problemOf(failures[0].error)) } };
}

/** What is to be known of a photograph's result. @param {import("../state/store.js").Photo} photo */
export function describeRemarks({ hadColor, pages }) {
  return [hadColor && t("remark.color"), pages > 1 && t("remark.pages", { pages })]
    .filter(Boolean).join(" ");
}

/** `a.jpg` and `a.jpg` from two folders become `a.jpg` and `a-2.jpg`. */
function deduplicateNames(members) {
  const downloaded = new Set();
  return members.map(({ name, ...member }) => {
    let free = name;
    for (let number = 2; downloaded.has(free.toLowerCase()); number++) {
      free = name.replace(/(\.color\.\w+)$/, `-${number}$1`);
    }
    downloaded.add(free.toLowerCase());
    return { ...member, name: free };
  });
}
