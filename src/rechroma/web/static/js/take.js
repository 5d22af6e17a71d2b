/** Taking home: one photograph, or all of them as a zip. */

import { problemOf } from "./queue.js";
import { coloredName, savedAs } from "./save.js";
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

  const finished = () => store.state.photos.filter((photo) => photo.stage === "done");

  async function takeOne() {
    const { id, name } = store.current;
    const content = await queue.result(id);
    savedAs(content, coloredName(name, content.type));
  }

  async function takeAll() {
    const members = [];
    for (const { id, name } of finished()) {
      const content = await queue.result(id);
      members.push({ name: coloredName(name, content.type), content });
    }
    savedAs(await zipOf(withDifferentNames(members)), ZIP_NAME);
  }

  for (const [button, take] of [[one, takeOne], [all, takeAll]]) {
    button.addEventListener("click", () => busily(button, take, complain));
  }
  badge.addEventListener("change", () => store.set({ badge: badge.checked }));
  store.subscribe(() => {
    one.disabled = store.current?.stage !== "done";
    all.hidden = finished().length < 2;
  });
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
  }
}

/** `a.jpg` and `a.jpg` from two folders become `a.jpg` and `a-2.jpg`. */
function withDifferentNames(members) {
  const taken = new Set();
  return members.map(({ name, content }) => {
    let free = name;
    for (let number = 2; taken.has(free.toLowerCase()); number++) {
      free = name.replace(/(\.color\.\w+)$/, `-${number}$1`);
    }
    taken.add(free.toLowerCase());
    return { name: free, content };
  });
}
