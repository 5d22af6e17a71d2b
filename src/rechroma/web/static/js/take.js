/** Taking home: one photograph, or all of them as a zip. */

import { problemOf } from "./queue.js";
import { coloredName, savedAs } from "./save.js";
import { t } from "./texts.js";
import { zipOf } from "./zip.js";

const ZIP_NAME = "rechroma.zip";

/**
 * @param {ReturnType<import("./store.js").createStore>} store
 * @param {ReturnType<import("./queue.js").createQueue>} queue
 * @param {(problem: {key: string, detail?: string}) => void} complain
 */
export function setUpTaking(store, queue, complain) {
  const one = document.querySelector("#download");
  const all = document.querySelector("#download-all");
  const badge = document.querySelector("#badge");
  const remarks = document.querySelector("#remarks");

  const finished = () => store.state.photos.filter((photo) => photo.stage === "done");

  async function takeOne() {
    const { id, name, wish } = store.current;
    const content = await queue.result(id);
    savedAs(content, coloredName(name, content.type));
    store.patch(id, { taken: wish });
  }

  async function takeAll() {
    const members = [];
    const wanted = finished();
    for (const [done, photo] of wanted.entries()) {
      all.textContent = t("download.all.progress", { done, count: wanted.length });
      const content = await resultOf(photo.id);
      if (content) members.push({ ...photo, name: coloredName(photo.name, content.type), content });
    }
    if (!members.length) return;
    savedAs(await zipOf(withDifferentNames(members)), ZIP_NAME);
    for (const { id, wish } of members) store.patch(id, { taken: wish });
  }

  /** The finished file, or null for a photograph that was removed meanwhile. */
  async function resultOf(id) {
    try {
      return store.photo(id) ? await queue.result(id) : null;
    } catch (error) {
      if (store.photo(id)) throw error;
      return null;
    }
  }

  for (const [button, take] of [[one, takeOne], [all, takeAll]]) {
    button.addEventListener("click", () => busily(button, take, complain));
  }
  badge.addEventListener("change", () => store.set({ badge: badge.checked }));
  store.subscribe(() => {
    one.disabled = store.current?.stage !== "done";
    all.hidden = finished().length < 2;
    all.disabled = store.state.photos.some(({ stage }) => stage !== "done" && stage !== "failed");
    remarks.textContent = store.current ? remarksOn(store.current) : "";
  });
}

/** What is to be known of a photograph's result. @param {import("./store.js").Photo} photo */
export function remarksOn({ hadColor, pages }) {
  return [hadColor && t("remark.color"), pages > 1 && t("remark.pages", { pages })]
    .filter(Boolean).join(" ");
}

/** One press at a time, and a sign that it is heard. */
async function busily(button, act, complain) {
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  try {
    await act();
  } catch (error) {
    complain(error instanceof RangeError ? { key: "problem.zip" } : problemOf(error));
  } finally {
    button.setAttribute("aria-busy", "false");
    button.textContent = t(button.dataset.text);
  }
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
