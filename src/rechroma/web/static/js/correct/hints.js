/** The Correct tab: points on the photograph, suggested colors, and the hints chosen from them. */

import { describeColor } from "../color/colorNames.js";
import { find, targetOf } from "../page/dom.js";
import { formatPercent, t } from "../page/texts.js";
import { sampleLightness } from "../photos/decodeImage.js";
import { fileStem, saveFile } from "../photos/resultFiles.js";
import { createHint, parseHints, serializeHints } from "../state/hintFile.js";
import { createPicker } from "./picker.js";

const SUGGEST_DELAY = 150; // milliseconds after the last move of a hint by arrow keys
const STEP = 0.01; // fraction of the image per arrow key

/** @typedef {import("../state/store.js").Photo} Photo */
/** @typedef {import("../state/store.js").Hint} Hint */
/** @typedef {import("../backend.js").Suggestion} Suggestion */

/**
 * @param {ReturnType<import("../state/store.js").createStore>} store
 * @param {ReturnType<import("../state/history.js").createHistory>} history
 * @param {ReturnType<import("../photos/preview.js").createPreviews>} previews
 * @param {import("../backend.js").Backend} backend
 * @param {(problem: unknown, retry?: () => void) => () => void} showError
 */
export function createHints(store, history, previews, backend, showError) {
  /** @type {?Suggestion[]} */
  let suggestions = null; // for the spot; null while they are being fetched
  let fetching = new AbortController();
  let timer = 0;
  const picker = createPicker(find("#color-plane", HTMLCanvasElement), find("#hex", HTMLInputElement),
    find("#color-note"), setColor, showError);

  const hints = () => store.current?.edit.hints ?? [];
  const selectedHint = () => hints().find(({ id }) => id === store.state.spot?.hint);
  /** @param {?number} id */
  const hintsExcept = (id) => hints().filter((hint) => hint.id !== id);

  /**
   * Select a point and fetch colors for it.
   * @param {{x: number, y: number}} point
   * @param {?number} id of the hint that is already there
   */
  async function selectPoint({ x, y }, id = null) {
    const photo = store.current;
    if (!photo?.chroma || !store.supportsHints(photo.edit.model)) return;
    store.set({ spot: { x, y, hint: id } });
    suggestions = null;
    fetching.abort();
    fetching = new AbortController();
    const { signal } = fetching;
    try {
      const image = await previews.open(photo.id);
      const copy = await previews.copy(photo.id);
      if (!image || !copy) return; // the photograph was removed meanwhile
      picker.show(sampleLightness(image, x, y), selectedHint()?.color);
      const text = serializeHints(hintsExcept(id));
      const { model } = photo.edit;
      suggestions = await backend.suggestColors(copy, { model, x, y, hints: text, signal });
      store.set({});
    } catch (error) {
      if (signal.aborted) return;
      suggestions = [];
      store.set({});
      showError(error);
    }
  }

  /** Set the color of the selected point. @param {string} color @param {boolean} isFinal */
  function setColor(color, isFinal) {
    const { spot } = store.state;
    if (!spot) return;
    const old = selectedHint();
    const hint = old ? { ...old, color } : createHint(spot.x, spot.y, color);
    apply(old ? hints().map((one) => (one.id === old.id ? hint : one)) : [...hints(), hint], isFinal);
    store.set({ spot: { ...spot, hint: hint.id } });
    if (isFinal) store.set({ announcement: describeColor(color) });
  }

  /** @param {Hint[]} list @param {boolean} isFinal false while something is being dragged */
  function apply(list, isFinal) {
    if (isFinal) history.commit({ hints: list });
    else history.preview({ hints: list });
  }

  /** @param {number} id @param {import("../stage/compareCanvas.js").Point} point @param {boolean} isFinal */
  function move(id, point, isFinal) {
    apply(hints().map((one) => (one.id === id ? { ...one, ...point } : one)), isFinal);
    if (store.state.spot?.hint !== id) return;
    store.set({ spot: { ...store.state.spot, ...point } });
    clearTimeout(timer);
    if (isFinal) timer = setTimeout(refreshSuggestions, SUGGEST_DELAY, id);
  }

  /** @param {number} id */
  function refreshSuggestions(id) {
    const { spot } = store.state;
    if (spot && spot.hint === id) selectPoint(spot, id);
  }

  /** @param {Hint[]} list @param {string} announcement */
  function replace(list, announcement) {
    history.commit({ hints: list });
    store.set({ spot: null, announcement });
  }

  /** @param {number} id */
  function remove(id) {
    const number = hints().findIndex((hint) => hint.id === id) + 1;
    replace(hintsExcept(id), t("announce.hint-removed", { number }));
  }

  function save() {
    const photo = store.current;
    const text = serializeHints(hints());
    if (!photo || !text) return;
    const content = new Blob([text], { type: "application/json" });
    saveFile(content, `${fileStem(photo.name)}.hints.json`);
  }

  /** @param {File} file */
  async function load(file) {
    const { selected } = store.state;
    try {
      const list = parseHints(await file.text());
      if (store.state.selected === selected) replace(list, t("announce.hints-loaded"));
    } catch {
      showError({ key: "problem.hint-file", values: { name: file.name } });
    }
  }

  const onlyHereBox = find("#only-here", HTMLInputElement);
  const removeButton = find("#remove-hint", HTMLButtonElement);
  const clearButton = find("#clear-hints", HTMLButtonElement);
  const saveButton = find("#save-hints", HTMLButtonElement);
  const loadButton = find("#load-hints", HTMLButtonElement);
  const fileInput = find("#hint-file", HTMLInputElement);

  find("#swatches").addEventListener("click", (event) => {
    const swatch = targetOf(event).closest("button");
    if (!swatch) return;
    setColor(swatch.value, true);
    picker.select(swatch.value);
  });
  onlyHereBox.addEventListener("change", () => {
    const id = selectedHint()?.id;
    const onlyHere = onlyHereBox.checked;
    apply(hints().map((one) => (one.id === id ? { ...one, onlyHere } : one)), true);
  });
  removeButton.addEventListener("click", () => {
    const hint = selectedHint();
    if (hint) remove(hint.id);
  });
  clearButton.addEventListener("click", () => replace([], t("announce.hints-cleared")));
  saveButton.addEventListener("click", save);
  fileInput.addEventListener("change", () => {
    const file = fileInput.files?.[0];
    if (file) load(file);
    fileInput.value = "";
  });

  store.subscribe(({ spot }) => {
    const supportsHints = store.supportsHints(store.current?.edit.model ?? "");
    find("#spot").hidden = !spot;
    find("#correct-help").hidden = Boolean(spot) || !supportsHints;
    find("#no-hints").hidden = supportsHints;
    loadButton.disabled = !supportsHints;
    removeButton.disabled = onlyHereBox.disabled = !selectedHint();
    onlyHereBox.checked = selectedHint()?.onlyHere ?? false;
    clearButton.disabled = saveButton.disabled = !hints().length;
    if (spot) renderSwatches(suggestions, selectedHint()?.color);
  });
  keepPreviewFresh(store, previews, showError);
  return { selectPoint, move, remove, step: STEP };
}

/** @param {?Suggestion[]} suggestions @param {string} [selected] color */
function renderSwatches(suggestions, selected) {
  const list = find("#swatches");
  list.setAttribute("aria-busy", String(!suggestions));
  const key = JSON.stringify([suggestions, selected, document.documentElement.lang]);
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  const focused = list.querySelector("button:focus")?.getAttribute("value");
  const swatches = (suggestions ?? []).map((one) => createSwatch(one, selected));
  list.replaceChildren(...swatches);
  swatches.find(({ value }) => value === focused)?.focus();
}

/** @param {Suggestion} suggestion @param {string} [selected] color */
function createSwatch({ color, probability }, selected) {
  const button = document.createElement("button");
  button.type = "button";
  button.value = color;
  button.style.backgroundColor = color;
  button.className = "swatch";
  const percent = formatPercent(Math.max(0.01, probability));
  button.title = t("swatch", { color: describeColor(color), percent });
  button.setAttribute("aria-label", button.title);
  button.setAttribute("aria-pressed", String(color === selected));
  return button;
}

/**
 * Update the preview of the selected photograph when its model or hints change, one request at a time.
 * @param {import("../state/store.js").Store} store
 * @param {ReturnType<import("../photos/preview.js").createPreviews>} previews
 * @param {(problem: unknown, retry?: () => void) => () => void} showError
 */
function keepPreviewFresh(store, previews, showError) {
  /** @type {?AbortController} */
  let updating = null;
  /** @type {?number | undefined} */
  let lastId = null;
  let dismiss = () => {}; // the last error

  /** @param {Photo} photo */
  async function update(photo) {
    const { id } = photo;
    const rejected = store.previewKeyOf(photo);
    const controller = new AbortController();
    updating = controller;
    dismiss();
    try {
      await previews.update(id, controller.signal);
    } catch (error) {
      if (controller.signal.aborted) return;
      store.patch(id, { rejected });
      dismiss = showError(error, () => store.patch(id, { rejected: null }));
    }
    if (updating !== controller) return;
    updating = null;
    store.set({});
  }

  /** Let a rejected preview be tried again. @param {Photo} [photo] */
  function clearRejection(photo) {
    dismiss();
    if (photo?.rejected) store.patch(photo.id, { rejected: null });
  }

  /** @param {Photo} [photo] */
  function switchTo(photo) {
    lastId = photo?.id;
    updating?.abort();
    updating = null;
    clearRejection(photo);
  }

  store.subscribe(() => {
    const photo = store.current;
    if (photo?.id !== lastId) switchTo(photo);
    const isFresh = photo && photo.previewed === store.previewKeyOf(photo);
    if (photo?.rejected && isFresh) clearRejection(photo);
    if (photo && !updating && store.isPreviewStale(photo)) update(photo);
  });
}
