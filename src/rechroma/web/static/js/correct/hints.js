/** Correcting: places on the picture, their likely colors, and the marks of those chosen. */

import { describeColor } from "../color/colorNames.js";
import { parseHints, serializeHints, createHint } from "../state/hintFile.js";
import { sampleLightness } from "../photos/images.js";
import { createPicker } from "./picker.js";
import { saveFile, fileStem } from "../photos/save.js";
import { t } from "../page/texts.js";

const SETTLED = 150; // milliseconds without a key, after which a moved mark lies still
const STEP = 0.01; // of the picture, for a press of an arrow key

const find = (selector) => document.querySelector(selector);

/** Whether colors for other hints are on their way. @param {import("../state/store.js").Photo} [photo] */
export function isPreviewStale(photo) {
  if (!photo?.chroma || photo.rejectedHints === photo.edit.hints) return false;
  return serializeHints(photo.edit.hints) !== photo.previewedHints;
}

/**
 * @param {ReturnType<import("../state/store.js").createStore>} store
 * @param {ReturnType<import("../state/history.js").createHistory>} history
 * @param {ReturnType<import("../photos/queue.js").createQueue>} queue
 * @param {ReturnType<import("../service/api.js").createApi>} api
 * @param {(problem: unknown, again?: () => void) => () => void} showError
 */
export function createHints(store, history, queue, api, showError) {
  let swatches = null; // of the spot; null while they are on their way
  let looking = new AbortController();
  let settling = 0;
  const picker = createPicker(find("#plane"), find("#hex"), (hex, isSettled) =>
    setColor(hex, isSettled), showError);

  const hints = () => store.current?.edit.hints ?? [];
  const selectedHint = () => hints().find(({ id }) => id === store.state.spot?.hint);
  const without = (id) => hints().filter((hint) => hint.id !== id);

  /** Ask what color a place should have. */
  async function choose({ x, y }, hint = null) {
    const photo = store.current;
    if (!photo?.chroma || !store.state.supportsHints) return;
    store.set({ spot: { x, y, hint } });
    swatches = null;
    looking.abort();
    looking = new AbortController();
    const { signal } = looking;
    try {
      picker.show(sampleLightness(await queue.opened(photo.id), x, y), colorOf(hint));
      const text = serializeHints(without(hint));
      const copy = await queue.copy(photo.id);
      const { colors } = await api.palette(copy, { x, y, hints: text, signal });
      swatches = colors;
      store.set({});
    } catch (error) {
      if (signal.aborted) return;
      swatches = [];
      store.set({});
      showError(error);
    }
  }

  const colorOf = (id) => hints().find((hint) => hint.id === id)?.color;

  /** Give the chosen place a color. */
  function setColor(color, isSettled = true) {
    const { spot } = store.state;
    if (!spot) return;
    const old = selectedHint();
    const hint = old ? { ...old, color } : createHint(spot.x, spot.y, color);
    const list = old ? hints().map((one) => (one.id === old.id ? hint : one)) : [...hints(), hint];
    settle({ hints: list }, isSettled);
    store.set({ spot: { ...spot, hint: hint.id }, ...(isSettled && { say: describeColor(color) }) });
  }

  function settle(fields, isSettled) {
    if (isSettled) history.commit(fields);
    else history.preview(fields);
  }

  function move(id, place, isSettled) {
    settle({ hints: hints().map((one) => (one.id === id ? { ...one, ...place } : one)) }, isSettled);
    if (store.state.spot?.hint !== id) return;
    store.set({ spot: { ...store.state.spot, ...place } });
    clearTimeout(settling);
    if (isSettled) settling = setTimeout(refreshSuggestions, SETTLED, id);
  }

  function refreshSuggestions(id) {
    const { spot } = store.state;
    if (spot?.hint === id) choose(spot, id);
  }

  /** Settle on a list of hints, with no place chosen. */
  function replace(list, say) {
    history.commit({ hints: list });
    store.set({ spot: null, say });
  }

  function remove(id) {
    replace(without(id), t("hint.removed"));
  }

  function save() {
    const content = new Blob([serializeHints(hints())], { type: "application/json" });
    saveFile(content, `${fileStem(store.current.name)}.hints.json`);
  }

  async function load(file) {
    const { selected } = store.state;
    try {
      const list = parseHints(await file.text());
      if (store.state.selected === selected) replace(list, t("hints.loaded"));
    } catch {
      showError({ key: "problem.hints" });
    }
  }

  find("#swatches").addEventListener("click", (event) => {
    const swatch = event.target.closest("button");
    if (!swatch) return;
    setColor(swatch.value);
    picker.mark(swatch.value);
  });
  find("#remove-hint").addEventListener("click", () => remove(store.state.spot.hint));
  find("#clear-hints").addEventListener("click", () => replace([], t("hints.cleared")));
  find("#save-hints").addEventListener("click", save);
  find("#load-hints").addEventListener("change", ({ target }) => {
    if (target.files[0]) load(target.files[0]);
    target.value = "";
  });

  store.subscribe(({ spot, supportsHints }) => {
    find("#spot").hidden = !spot;
    find("#no-spot").hidden = Boolean(spot) || !supportsHints;
    find("#no-hints").hidden = supportsHints;
    find("#load").disabled = !supportsHints;
    find("#remove-hint").disabled = !selectedHint();
    find("#clear-hints").disabled = find("#save-hints").disabled = !hints().length;
    if (spot) renderSwatches(swatches, selectedHint()?.color);
  });
  checkHintSupport(store, api);
  keepPreviewFresh(store, queue, showError);
  return { choose, move, remove, step: STEP };
}

/** Ask, when colors are first to be chosen, whether the model takes any. */
function checkHintSupport(store, api) {
  let asked = null;
  store.subscribe(({ mode }) => {
    if (mode !== "correct" || asked) return;
    asked = api.model().then(({ hints }) => store.set({ supportsHints: hints }), console.error);
  });
}

function renderSwatches(swatches, chosen) {
  const list = find("#swatches");
  list.setAttribute("aria-busy", String(!swatches));
  const key = JSON.stringify([swatches, chosen, document.documentElement.lang]);
  if (list.dataset.key === key) return;
  const focused = list.contains(document.activeElement) ? document.activeElement.value : null;
  list.dataset.key = key;
  list.replaceChildren(...(swatches ?? []).map((one) => createSwatch(one, chosen)));
  if (focused) list.querySelector(`[value="${focused}"]`)?.focus();
}

function createSwatch({ color, share }, chosen) {
  const button = document.createElement("button");
  button.type = "button";
  button.value = color;
  button.style.backgroundColor = color;
  button.className = "swatch";
  const percent = Math.max(1, Math.round(share * 100));
  button.title = t("swatch", { color: describeColor(color), percent });
  button.setAttribute("aria-label", button.title);
  button.setAttribute("aria-pressed", String(color === chosen));
  return button;
}

/** Ask for new colors, once at a time, whenever the hints of the photo that is shown are others. */
function keepPreviewFresh(store, queue, showError) {
  let asking = null; // what is not answered yet
  let last = null; // the photo that was shown
  let dismiss = () => {}; // the complaint

  async function ask({ id, edit }) {
    const request = new AbortController();
    asking = { id, request };
    dismiss();
    try {
      await queue.sketch(id, request.signal);
    } catch (error) {
      if (request.signal.aborted) return;
      store.patch(id, { rejectedHints: edit.hints });
      dismiss = showError(error, () => store.patch(id, { rejectedHints: null }));
    }
    if (asking?.request !== request) return;
    asking = null;
    store.set({});
  }

  /** What was rejectedHints may be asked for again. */
  function clearRejection(photo) {
    dismiss();
    if (photo?.rejectedHints) store.patch(photo.id, { rejectedHints: null });
  }

  function switchPhoto(photo) {
    last = photo?.id;
    asking?.request.abort();
    asking = null;
    clearRejection(photo);
  }

  store.subscribe(() => {
    const photo = store.current;
    if (photo?.id !== last) switchPhoto(photo);
    if (photo?.rejectedHints && photo.previewedHints === serializeHints(photo.edit.hints)) clearRejection(photo);
    if (!asking && isPreviewStale(photo)) ask(photo);
  });
}
