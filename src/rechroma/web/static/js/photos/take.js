/** Taking home: one photograph, or all of them as a zip. */

import { orderKey } from "../service/jobs.js";
import { problemOf } from "./queue.js";
import { coloredName, savedAs } from "./save.js";
import { t, wordsOf } from "../page/texts.js";
import { zipOf } from "./zip.js";

const ZIP_NAME = "rechroma.zip";
const ALL = "all";
const MOST_NAMES = 5; // in a complaint

/**
 * @param {ReturnType<import("../state/store.js").createStore>} store
 * @param {ReturnType<import("./queue.js").createQueue>} queue
 * @param {(problem: import("../page/texts.js").Problem) => void} complain
 */
export function setUpTaking(store, queue, complain) {
  const one = document.querySelector("#download");
  const all = document.querySelector("#download-all");
  const badge = document.querySelector("#badge");
  const remarks = document.querySelector("#remarks");

  const underWay = new Set(); // the photographs that are being taken, or ALL
  let progress = null; // of the zip

  const finished = () => store.state.photos.filter((photo) => photo.stage === "done");

  /** One press at a time, and a sign that it is heard. */
  async function press(what, take) {
    if (underWay.has(what)) return;
    underWay.add(what);
    store.set({});
    try {
      await take();
    } catch (error) {
      complain(error instanceof RangeError ? { key: "problem.zip" } : problemOf(error));
    } finally {
      underWay.delete(what);
      store.set({});
    }
  }

  async function takeOne() {
    const found = await resultOf(store.current);
    if (found) takeHome([found], found.content, found.name);
  }

  async function takeAll() {
    const [members, failures] = [[], []];
    const wanted = finished();
    for (const [done, photo] of wanted.entries()) {
      progress = { done, count: wanted.length };
      store.set({});
      const found = await resultOf(photo).catch((error) => {
        failures.push({ name: photo.label, error });
      });
      if (found) members.push(found);
    }
    progress = null;
    if (members.length) takeHome(members, await zipOf(withDifferentNames(members)), ZIP_NAME);
    if (failures.length) complain(missingOf(failures));
  }

  function takeHome(members, content, name) {
    savedAs(content, name);
    store.set({ say: t("said.taken", { name }) });
    for (const { id, order } of members) store.patch(id, { taken: order });
  }

  /** The finished file of a photograph; nothing for one that was removed meanwhile. */
  async function resultOf({ id, name }) {
    const photo = store.photo(id);
    if (!photo) return null;
    const order = orderKey(store.orderOf(photo));
    try {
      const content = await queue.result(id);
      return { id, order, name: coloredName(name, content.type), content };
    } catch (error) {
      if (store.photo(id)) throw error;
      return null;
    }
  }

  one.addEventListener("click", () => press(store.state.selected, takeOne));
  all.addEventListener("click", () => press(ALL, takeAll));
  badge.addEventListener("change", () => store.set({ badge: badge.checked }));
  store.subscribe(({ photos, selected }) => {
    one.disabled = store.current?.stage !== "done";
    one.setAttribute("aria-busy", String(underWay.has(selected)));
    all.hidden = finished().length < 2;
    all.disabled = photos.some(({ stage }) => stage !== "done" && stage !== "failed");
    all.setAttribute("aria-busy", String(underWay.has(ALL)));
    all.textContent = progress ? t("download.all.progress", progress) : t("download.all");
    remarks.textContent = store.current ? remarksOn(store.current) : "";
  });
}

/** What is said of those that did not come. */
function missingOf(failures) {
  const shown = failures.slice(0, MOST_NAMES).map(({ name }) => name);
  const names = [...shown, ...(failures.length > MOST_NAMES ? [`… (${failures.length})`] : [])].join(", ");
  return { key: "problem.left", values: { names, why: wordsOf(problemOf(failures[0].error)) } };
}

/** What is to be known of a photograph's result. @param {import("../state/store.js").Photo} photo */
export function remarksOn({ hadColor, pages }) {
  return [hadColor && t("remark.color"), pages > 1 && t("remark.pages", { pages })]
    .filter(Boolean).join(" ");
}

/** `a.jpg` and `a.jpg` from two folders become `a.jpg` and `a-2.jpg`. */
function withDifferentNames(members) {
  const taken = new Set();
  return members.map(({ name, ...member }) => {
    let free = name;
    for (let number = 2; taken.has(free.toLowerCase()); number++) {
      free = name.replace(/(\.color\.\w+)$/, `-${number}$1`);
    }
    taken.add(free.toLowerCase());
    return { ...member, name: free };
  });
}
