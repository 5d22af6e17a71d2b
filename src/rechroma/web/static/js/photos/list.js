/** The list of photographs: thumbnail, progress and error of each. */

import { WHOLE, paint } from "../color/render.js";
import { cloneTemplate, contextOf, find, targetOf } from "../page/dom.js";
import { canRetry, describeProblem, t } from "../page/texts.js";
import { describeRemarks } from "./downloads.js";
import { adjustedChroma } from "./preview.js";

const NAME_END = /.{0,3}(\.[^.]{1,5})?( \(\d+\))?$/su; // of a name: shown even if its middle is not
/** @type {Partial<Record<import("../state/store.js").Stage, number>>} */
const PROGRESS = { waiting: 0, reading: 0.1, previewing: 0.3, uploading: 0.55, coloring: 0.75 };

/** @typedef {import("../state/store.js").Photo} Photo */

/**
 * @param {ReturnType<import("../state/store.js").createStore>} store
 * @param {ReturnType<import("./queue.js").createQueue>} queue
 * @param {(message: string, undo: () => void) => void} offerUndo
 */
export function initPhotoList(store, queue, offerUndo) {
  const list = find("#photos");
  /** @type {Map<number, {element: HTMLElement, photo: Photo, isSelected: boolean, lang: string}>} */
  const rows = new Map();

  /** @param {MouseEvent} event */
  function onClick(event) {
    const row = targetOf(event).closest("li");
    const button = targetOf(event).closest("button");
    if (!row || !button) return;
    const id = Number(row.dataset.id);
    if (button.matches(".retry")) {
      queue.retry(id);
      find(".select", HTMLElement, row).focus(); // the retry button is hidden now
    } else if (button.matches(".remove")) remove(row, id);
    else if (event.shiftKey) checkRange(id);
    else if (event.ctrlKey || event.metaKey) setChecked([id], !store.state.checked.includes(id));
    else store.set({ selected: id, spot: null });
  }

  /** @param {number[]} ids @param {boolean} isChecked */
  function setChecked(ids, isChecked) {
    const others = store.state.checked.filter((id) => !ids.includes(id));
    store.set({ checked: isChecked ? [...others, ...ids] : others });
  }

  /** Check all rows from the selected one to another. @param {number} id */
  function checkRange(id) {
    const ids = store.sorted.map((photo) => photo.id);
    const ends = [ids.indexOf(store.state.selected ?? id), ids.indexOf(id)];
    setChecked(ids.slice(Math.min(...ends), Math.max(...ends) + 1), true);
  }

  /** @param {Event} event */
  function onCheck(event) {
    const box = targetOf(event);
    const row = box.closest("li");
    if (row && box instanceof HTMLInputElement) setChecked([Number(row.dataset.id)], box.checked);
  }

  /** @param {HTMLElement} row @param {number} id */
  function remove(row, id) {
    const neighbor = row.nextElementSibling ?? row.previousElementSibling;
    const name = store.photo(id)?.label ?? "";
    const restore = queue.remove(id);
    offerUndo(t("announce.removed", { name }), restore);
    neighbor?.querySelector("button")?.focus();
  }

  /** Make one row reachable by Tab (a roving tabindex): the focused one, else the selected one. */
  function updateTabStops() {
    const candidates = ["li:focus-within", "li:has([aria-current=true])", "li"];
    const current = candidates.map((selector) => list.querySelector(selector)).find(Boolean);
    for (const control of list.querySelectorAll("button, input")) {
      if (control instanceof HTMLElement) control.tabIndex = control.closest("li") === current ? 0 : -1;
    }
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    const row = targetOf(event).closest("li");
    if (!row) return;
    /** @type {Record<string, ?Element>} */
    const neighbors = {
      ArrowDown: row.nextElementSibling, ArrowRight: row.nextElementSibling,
      ArrowUp: row.previousElementSibling, ArrowLeft: row.previousElementSibling,
    };
    if (event.key === "Delete" && !event.repeat) remove(row, Number(row.dataset.id));
    else if (event.key in neighbors) neighbors[event.key]?.querySelector("button")?.focus();
    else return;
    event.preventDefault();
  }

  /** @param {import("../state/store.js").State} state */
  function render({ photos, selected, checked }) {
    const { lang } = document.documentElement;
    for (const [id, { element }] of rows) {
      if (photos.some((photo) => photo.id === id)) continue;
      element.remove();
      rows.delete(id);
    }
    for (const photo of photos) {
      const old = rows.get(photo.id);
      const isSelected = photo.id === selected;
      if (old && old.photo === photo && old.isSelected === isSelected && old.lang === lang) continue;
      const element = old?.element ?? createRow(photo);
      renderRow(element, photo, isSelected);
      if (isSelected && !old?.isSelected) element.scrollIntoView({ block: "nearest" });
      rows.set(photo.id, { element, photo, isSelected, lang });
    }
    for (const [id, { element }] of rows) {
      find(".check-photo", HTMLInputElement, element).checked = checked.includes(id);
    }
    reorder();
    updateTabStops();
  }

  /** Bring the rows into their order; one that is moved keeps the focus. */
  function reorder() {
    const focused = document.activeElement;
    store.sorted.forEach(({ id }, at) => {
      const element = rows.get(id)?.element;
      if (element && list.children[at] !== element) list.insertBefore(element, list.children[at]);
    });
    const hasLostFocus = focused !== document.activeElement && list.contains(focused);
    if (hasLostFocus && focused instanceof HTMLElement) focused.focus();
  }

  /** @param {Photo} photo */
  function createRow(photo) {
    const element = cloneTemplate("#photo-row");
    element.dataset.id = String(photo.id);
    list.append(element);
    return element;
  }

  list.addEventListener("click", onClick);
  list.addEventListener("change", onCheck);
  list.addEventListener("keydown", onKey);
  list.addEventListener("focusin", updateTabStops);
  store.subscribe(render);
  store.subscribe(createProgressAnnouncer(store));
}

/** @param {HTMLElement} element @param {Photo} photo @param {boolean} isSelected */
function renderRow(element, photo, isSelected) {
  const { label: name, stage } = photo;
  const progress = find("progress", HTMLProgressElement, element);
  const state = find(".state", HTMLElement, element);
  const retry = find(".retry", HTMLElement, element);
  const remove = find(".remove", HTMLElement, element);
  element.dataset.stage = stage;
  const select = find(".select", HTMLElement, element);
  const check = find(".check-photo", HTMLElement, element);
  const end = NAME_END.exec(name)?.[0] ?? "";
  find(".name-start", HTMLElement, element).textContent = name.slice(0, name.length - end.length);
  find(".name-end", HTMLElement, element).textContent = end;
  state.textContent = state.title = describeState(photo);
  select.setAttribute("aria-current", String(isSelected));
  select.setAttribute("aria-label", `${name}, ${state.textContent}`); // the name in one piece
  find(".name", HTMLElement, element).title = name;
  check.setAttribute("aria-label", t("check.of", { name }));
  progress.hidden = !(stage in PROGRESS);
  progress.value = PROGRESS[stage] ?? 1;
  progress.setAttribute("aria-label", t("progress", { name }));
  retry.hidden = stage !== "failed" || !canRetry(photo.problem);
  retry.textContent = t("retry");
  retry.setAttribute("aria-label", t("retry.of", { name }));
  remove.title = t("remove.of", { name });
  remove.setAttribute("aria-label", remove.title);
  drawThumbnail(find("canvas", HTMLCanvasElement, element), photo);
}

/** @param {Photo} photo */
function describeState({ stage, problem, pages }) {
  if (stage === "failed") return describeProblem(problem);
  return stage === "done" && pages > 1 ? t("state.first-page", { pages }) : t(`state.${stage}`);
}

/** @param {HTMLCanvasElement} canvas @param {Photo} photo */
function drawThumbnail(canvas, photo) {
  const { thumbnail } = photo;
  if (!thumbnail) return;
  const out = new ImageData(new Uint8ClampedArray(thumbnail.data), thumbnail.width, thumbnail.height);
  const chroma = adjustedChroma(photo);
  if (chroma) paint(thumbnail, chroma, WHOLE, out.data);
  canvas.width = thumbnail.width;
  canvas.height = thumbnail.height;
  contextOf(canvas).putImageData(out, 0, 0);
}

/**
 * Announce to screen readers when a photograph is done or has failed.
 * @param {import("../state/store.js").Store} store
 * @returns {(state: import("../state/store.js").State) => void}
 */
function createProgressAnnouncer(store) {
  const announced = new Map();
  return ({ photos }) => {
    for (const photo of photos) {
      const { id, label: name, stage, problem } = photo;
      if (announced.get(id) === stage) continue;
      announced.set(id, stage);
      if (stage === "done") {
        store.set({ announcement: `${t("announce.done", { name })} ${describeRemarks(photo)}` });
      }
      if (stage === "failed") {
        store.set({ announcement: t("announce.failed", { name, why: describeProblem(problem) }) });
      }
    }
  };
}
