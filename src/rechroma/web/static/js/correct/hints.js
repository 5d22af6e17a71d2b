/** Correcting: places on the picture, their likely colors, and the marks of those chosen. */

import { nameOf } from "../color/colornames.js";
import { hintsOf, hintsText, newHint } from "../state/hintfile.js";
import { lightnessAround } from "../photos/pictures.js";
import { createPicker } from "./picker.js";
import { savedAs, stemOf } from "../photos/save.js";
import { t } from "../page/texts.js";

const SETTLED = 150; // milliseconds without a key, after which a moved mark lies still
const STEP = 0.01; // of the picture, for a press of an arrow key

const find = (selector) => document.querySelector(selector);

/** Whether colors for other hints are on their way. @param {import("../state/store.js").Photo} [photo] */
export function isLate(photo) {
  if (!photo?.chroma || photo.refused === photo.wish.hints) return false;
  return hintsText(photo.wish.hints) !== photo.sketched;
}

/**
 * @param {ReturnType<import("../state/store.js").createStore>} store
 * @param {ReturnType<import("../state/history.js").createHistory>} history
 * @param {ReturnType<import("../photos/queue.js").createQueue>} queue
 * @param {ReturnType<import("../service/api.js").createApi>} api
 * @param {(problem: unknown, again?: () => void) => () => void} complain
 */
export function createHints(store, history, queue, api, complain) {
  let swatches = null; // of the spot; null while they are on their way
  let looking = new AbortController();
  let settling = 0;
  const picker = createPicker(find("#plane"), find("#hex"), (hex, isSettled) =>
    setColor(hex, isSettled), complain);

  const hints = () => store.current?.wish.hints ?? [];
  const chosenHint = () => hints().find(({ id }) => id === store.state.spot?.hint);
  const without = (id) => hints().filter((hint) => hint.id !== id);

  /** Ask what color a place should have. */
  async function choose({ x, y }, hint = null) {
    const photo = store.current;
    if (!photo?.chroma || !store.state.takesHints) return;
    store.set({ spot: { x, y, hint } });
    swatches = null;
    looking.abort();
    looking = new AbortController();
    const { signal } = looking;
    try {
      picker.show(lightnessAround(await queue.opened(photo.id), x, y), colorOf(hint));
      const text = hintsText(without(hint));
      const copy = await queue.copy(photo.id);
      const { colors } = await api.palette(copy, { x, y, hints: text, signal });
      swatches = colors;
      store.set({});
    } catch (error) {
      if (signal.aborted) return;
      swatches = [];
      store.set({});
      complain(error);
    }
  }

  const colorOf = (id) => hints().find((hint) => hint.id === id)?.color;

  /** Give the chosen place a color. */
  function setColor(color, isSettled = true) {
    const { spot } = store.state;
    if (!spot) return;
    const old = chosenHint();
    const hint = old ? { ...old, color } : newHint(spot.x, spot.y, color);
    const list = old ? hints().map((one) => (one.id === old.id ? hint : one)) : [...hints(), hint];
    settle({ hints: list }, isSettled);
    store.set({ spot: { ...spot, hint: hint.id }, ...(isSettled && { say: nameOf(color) }) });
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
    if (isSettled) settling = setTimeout(chooseAgain, SETTLED, id);
  }

  function chooseAgain(id) {
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
    const content = new Blob([hintsText(hints())], { type: "application/json" });
    savedAs(content, `${stemOf(store.current.name)}.hints.json`);
  }

  async function load(file) {
    const { selected } = store.state;
    try {
      const list = hintsOf(await file.text());
      if (store.state.selected === selected) replace(list, t("hints.loaded"));
    } catch {
      complain({ key: "problem.hints" });
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

  store.subscribe(({ spot, takesHints }) => {
    find("#spot").hidden = !spot;
    find("#no-spot").hidden = Boolean(spot) || !takesHints;
    find("#no-hints").hidden = takesHints;
    find("#load").disabled = !takesHints;
    find("#remove-hint").disabled = !chosenHint();
    find("#clear-hints").disabled = find("#save-hints").disabled = !hints().length;
    if (spot) showSwatches(swatches, chosenHint()?.color);
  });
  learnOfModel(store, api);
  keepSketched(store, queue, complain);
  return { choose, move, remove, step: STEP };
}

/** Ask, when colors are first to be chosen, whether the model takes any. */
function learnOfModel(store, api) {
  let asked = null;
  store.subscribe(({ mode }) => {
    if (mode !== "correct" || asked) return;
    asked = api.model().then(({ hints }) => store.set({ takesHints: hints }), console.error);
  });
}

function showSwatches(swatches, chosen) {
  const list = find("#swatches");
  list.setAttribute("aria-busy", String(!swatches));
  const key = JSON.stringify([swatches, chosen, document.documentElement.lang]);
  if (list.dataset.key === key) return;
  const focused = list.contains(document.activeElement) ? document.activeElement.value : null;
  list.dataset.key = key;
  list.replaceChildren(...(swatches ?? []).map((one) => swatchOf(one, chosen)));
  if (focused) list.querySelector(`[value="${focused}"]`)?.focus();
}

function swatchOf({ color, share }, chosen) {
  const button = document.createElement("button");
  button.type = "button";
  button.value = color;
  button.style.backgroundColor = color;
  button.className = "swatch";
  const percent = Math.max(1, Math.round(share * 100));
  button.title = t("swatch", { color: nameOf(color), percent });
  button.setAttribute("aria-label", button.title);
  button.setAttribute("aria-pressed", String(color === chosen));
  return button;
}

/** Ask for new colors, once at a time, whenever the hints of the photo that is shown are others. */
function keepSketched(store, queue, complain) {
  let asking = null; // what is not answered yet
  let last = null; // the photo that was shown
  let takeBack = () => {}; // the complaint

  async function ask({ id, wish }) {
    const request = new AbortController();
    asking = { id, request };
    takeBack();
    try {
      await queue.sketch(id, request.signal);
    } catch (error) {
      if (request.signal.aborted) return;
      store.patch(id, { refused: wish.hints });
      takeBack = complain(error, () => store.patch(id, { refused: null }));
    }
    if (asking?.request !== request) return;
    asking = null;
    store.set({});
  }

  /** What was refused may be asked for again. */
  function forgive(photo) {
    takeBack();
    if (photo?.refused) store.patch(photo.id, { refused: null });
  }

  function turnTo(photo) {
    last = photo?.id;
    asking?.request.abort();
    asking = null;
    forgive(photo);
  }

  store.subscribe(() => {
    const photo = store.current;
    if (photo?.id !== last) turnTo(photo);
    if (photo?.refused && photo.sketched === hintsText(photo.wish.hints)) forgive(photo);
    if (!asking && isLate(photo)) ask(photo);
  });
}
