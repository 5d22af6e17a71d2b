/** The list of photographs: what each looks like, how far it is, and why it failed. */

import { paint } from "../color/render.js";
import { adjustedChroma } from "./queue.js";
import { describeRemarks } from "./downloads.js";
import { t, describeProblem } from "../page/texts.js";

const WHOLE = { x: 0, y: 0, width: 1, height: 1 };
const PROGRESS = { waiting: 0, reading: 0.1, previewing: 0.3, uploading: 0.55, coloring: 0.75 };

/** @typedef {import("../state/store.js").Photo} Photo */

/**
 * @param {ReturnType<import("../state/store.js").createStore>} store
 * @param {ReturnType<import("./queue.js").createQueue>} queue
 * @param {(words: string, undo: () => void) => void} offerUndo
 */
export function initPhotoList(store, queue, offerUndo) {
  const list = document.querySelector("#photos");
  /** @type {Map<number, {element: HTMLElement, photo: Photo, isSelected: boolean, lang: string}>} */
  const rows = new Map();

  function act(event) {
    const row = event.target.closest("li");
    const button = event.target.closest("button");
    if (!row || !button) return;
    const id = Number(row.dataset.id);
    if (button.matches(".retry")) retry(row, id);
    else if (button.matches(".remove")) remove(row, id);
    else store.set({ selected: id, spot: null });
  }

  function retry(row, id) {
    queue.retry(id);
    row.querySelector(".select").focus(); // the button goes away
  }

  function remove(row, id) {
    const near = row.nextElementSibling ?? row.previousElementSibling;
    const { label: name } = store.photo(id);
    const restore = queue.remove(id);
    offerUndo(t("said.removed", { name }), restore);
    near?.querySelector("button").focus();
  }

  /** One stop of the Tab key for the whole list: the row that has the focus, or that is shown. */
  function updateTabStops() {
    const wanted = ["li:focus-within", "li:has([aria-current=true])", "li"];
    const current = wanted.map((one) => list.querySelector(one)).find(Boolean);
    for (const button of list.querySelectorAll("button")) {
      button.tabIndex = button.closest("li") === current ? 0 : -1;
    }
  }

  function onKey(event) {
    const row = event.target.closest("li");
    const near = {
      ArrowDown: row.nextElementSibling, ArrowRight: row.nextElementSibling,
      ArrowUp: row.previousElementSibling, ArrowLeft: row.previousElementSibling,
    };
    if (event.key === "Delete" && !event.repeat) remove(row, Number(row.dataset.id));
    else if (event.key in near) near[event.key]?.querySelector("button").focus();
    else return;
    event.preventDefault();
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
      const element = old?.element ?? createRow(photo, list);
      renderRow(element, photo, isSelected);
      if (isSelected && !old?.isSelected) element.scrollIntoView({ block: "nearest" });
      rows.set(photo.id, { element, photo, isSelected, lang });
    }
    photos.forEach(({ id }, at) => {
      const { element } = rows.get(id); // one that came back is at its old place
      if (list.children[at] !== element) list.insertBefore(element, list.children[at]);
    });
    updateTabStops();
  }

  list.addEventListener("click", act);
  list.addEventListener("keydown", onKey);
  list.addEventListener("focusin", updateTabStops);
  store.subscribe(show);
  store.subscribe(createProgressAnnouncer(store));
}

function createRow(photo, list) {
  const template = document.querySelector("#photo-row");
  const element = template.content.firstElementChild.cloneNode(true);
  element.dataset.id = String(photo.id);
  list.append(element);
  return element;
}

function renderRow(element, photo, isSelected) {
  const find = (selector) => element.querySelector(selector);
  const { label: name, stage } = photo;
  element.dataset.stage = stage;
  find(".name").textContent = name;
  find(".state").textContent = find(".state").title = describeState(photo);
  find(".select").setAttribute("aria-current", String(isSelected));
  find("progress").hidden = !(stage in PROGRESS);
  find("progress").value = PROGRESS[stage] ?? 1;
  find("progress").setAttribute("aria-label", t("progress", { name }));
  find(".retry").hidden = stage !== "failed";
  find(".retry").textContent = t("retry");
  find(".retry").setAttribute("aria-label", t("retry.of", { name }));
  find(".remove").setAttribute("aria-label", t("remove.of", { name }));
  find(".remove").title = t("remove.of", { name });
  drawThumbnail(find("canvas"), photo);
}

function describeState({ stage, problem, pages }) {
  if (stage === "failed") return describeProblem(problem);
  return stage === "done" && pages > 1 ? t("state.first", { pages }) : t(`state.${stage}`);
}

function drawThumbnail(canvas, photo) {
  const { thumbnail } = photo;
  if (!thumbnail) return;
  const out = new ImageData(new Uint8ClampedArray(thumbnail.data), thumbnail.width, thumbnail.height);
  const chroma = adjustedChroma(photo);
  if (chroma) paint(thumbnail, chroma, WHOLE, out.data);
  canvas.width = thumbnail.width;
  canvas.height = thumbnail.height;
  canvas.getContext("2d").putImageData(out, 0, 0);
}

/** Says aloud what became of each photograph. */
function createProgressAnnouncer(store) {
  const told = new Map();
  return ({ photos }) => {
    for (const photo of photos) {
      const { id, label: name, stage, problem } = photo;
      if (told.get(id) === stage) continue;
      told.set(id, stage);
      if (stage === "done") store.set({ say: `${t("said.done", { name })} ${describeRemarks(photo)}` });
      if (stage === "failed") store.set({ say: t("said.failed", { name, why: describeProblem(problem) }) });
    }
  };
}
