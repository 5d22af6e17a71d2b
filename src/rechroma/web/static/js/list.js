/** The list of photographs: what each looks like, how far it is, and why it failed. */

import { paint } from "./render.js";
import { wantedChroma } from "./queue.js";
import { remarksOn } from "./take.js";
import { t, wordsOf } from "./texts.js";

const WHOLE = { x: 0, y: 0, width: 1, height: 1 };
const PROGRESS = { waiting: 0, reading: 0.1, sketching: 0.3, sending: 0.55, coloring: 0.75 };

/** @typedef {import("./store.js").Photo} Photo */

/**
 * @param {ReturnType<import("./store.js").createStore>} store
 * @param {ReturnType<import("./queue.js").createQueue>} queue
 */
export function setUpList(store, queue) {
  const list = document.querySelector("#photos");
  /** @type {Map<number, {element: HTMLElement, photo: Photo, isSelected: boolean, lang: string}>} */
  const rows = new Map();

  function act(event) {
    const row = event.target.closest("li");
    const button = event.target.closest("button");
    if (!row || !button) return;
    const id = Number(row.dataset.id);
    if (button.matches(".retry")) queue.retry(id);
    else if (button.matches(".remove")) remove(row, id);
    else store.set({ selected: id, spot: null });
  }

  function remove(row, id) {
    const near = row.nextElementSibling ?? row.previousElementSibling;
    queue.remove(id);
    near?.querySelector("button").focus();
  }

  function show({ photos, selected }) {
    const { lang } = document.documentElement;
    for (const [id, { element }] of rows) {
      if (photos.some((photo) => photo.id === id)) continue;
      element.remove();
      rows.delete(id);
    }
    for (const photo of photos) {
      const old = rows.get(photo.id);
      const isSelected = photo.id === selected;
      if (old?.photo === photo && old.isSelected === isSelected && old.lang === lang) continue;
      const element = old?.element ?? newRow(photo, list);
      showRow(element, photo, isSelected);
      if (isSelected && !old?.isSelected) element.scrollIntoView({ block: "nearest" });
      rows.set(photo.id, { element, photo, isSelected, lang });
    }
  }

  list.addEventListener("click", act);
  store.subscribe(show);
  store.subscribe(telling(store));
}

function newRow(photo, list) {
  const template = document.querySelector("#photo-row");
  const element = template.content.firstElementChild.cloneNode(true);
  element.dataset.id = String(photo.id);
  list.append(element);
  return element;
}

function showRow(element, photo, isSelected) {
  const find = (selector) => element.querySelector(selector);
  const { name, stage } = photo;
  element.dataset.stage = stage;
  find(".name").textContent = name;
  find(".state").textContent = find(".state").title = stateOf(photo);
  find(".select").setAttribute("aria-current", String(isSelected));
  find("progress").hidden = !(stage in PROGRESS);
  find("progress").value = PROGRESS[stage] ?? 1;
  find("progress").setAttribute("aria-label", t("progress", { name }));
  find(".retry").hidden = stage !== "failed";
  find(".retry").textContent = t("retry");
  find(".retry").setAttribute("aria-label", t("retry.of", { name }));
  find(".remove").setAttribute("aria-label", t("remove.of", { name }));
  find(".remove").title = t("remove.of", { name });
  drawThumb(find("canvas"), photo);
}

function stateOf({ stage, problem, pages }) {
  if (stage === "failed") return wordsOf(problem);
  return stage === "done" && pages > 1 ? t("state.first", { pages }) : t(`state.${stage}`);
}

function drawThumb(canvas, photo) {
  const { thumb } = photo;
  if (!thumb) return;
  const out = new ImageData(new Uint8ClampedArray(thumb.data), thumb.width, thumb.height);
  const chroma = wantedChroma(photo);
  if (chroma) paint(thumb, chroma, WHOLE, out.data);
  canvas.width = thumb.width;
  canvas.height = thumb.height;
  canvas.getContext("2d").putImageData(out, 0, 0);
}

/** Says aloud what became of each photograph. */
function telling(store) {
  const told = new Map();
  return ({ photos }) => {
    for (const photo of photos) {
      const { id, name, stage, problem } = photo;
      if (told.get(id) === stage) continue;
      told.set(id, stage);
      if (stage === "done") store.set({ say: `${t("said.done", { name })} ${remarksOn(photo)}` });
      if (stage === "failed") store.set({ say: t("said.failed", { name, why: wordsOf(problem) }) });
    }
  };
}
