/** Actions on several photographs, the checked ones or all: check, sort, adjust alike, remove. */

import { find } from "../page/dom.js";
import { t } from "../page/texts.js";
import { isFinished } from "../state/store.js";

/** @typedef {import("../state/store.js").Store} Store */

/**
 * @param {Store} store
 * @param {ReturnType<import("../state/history.js").createHistory>} history
 * @param {ReturnType<import("./queue.js").createQueue>} queue
 * @param {(message: string, undo: () => void) => void} offerUndo
 */
export function initSeveralPhotos(store, history, queue, offerUndo) {
  const checkAll = find("#check-all", HTMLInputElement);
  const sort = find("#sort", HTMLSelectElement);
  const applyAll = find("#apply-all", HTMLButtonElement);
  const removeAll = find("#remove-all", HTMLButtonElement);

  /** The photographs that do not have the model and the adjustments of the current one. */
  function findDifferent() {
    const key = settingsKey(store.current);
    return store.targets.filter((photo) => settingsKey(photo) !== key);
  }

  function applySettings() {
    if (!store.current) return;
    const { model, adjustments } = store.current.edit;
    const ids = findDifferent().map(({ id }) => id);
    const undo = history.commitTo(ids, { model, adjustments });
    offerUndo(t("announce.applied", { count: ids.length }), undo);
  }

  function removeTargets() {
    const names = store.targets.map(({ label }) => label);
    const restorations = store.targets.map(({ id }) => queue.remove(id));
    const [name, count] = [names[0], names.length];
    const message = count > 1 ? t("announce.removed-all", { count }) : t("announce.removed", { name });
    offerUndo(message, () => restorations.toReversed().forEach((restore) => restore()));
  }

  checkAll.addEventListener("change", () =>
    store.set({ checked: checkAll.checked ? store.state.photos.map(({ id }) => id) : [] }));
  sort.addEventListener("change", () =>
    store.set({ sort: /** @type {import("../state/store.js").Sort} */ (sort.value) }));
  applyAll.addEventListener("click", applySettings);
  removeAll.addEventListener("click", removeTargets);

  store.subscribe(({ photos, checked, keeping }) => {
    const count = checked.length;
    showKeeping(keeping);
    find("#photo-list").toggleAttribute("data-several", photos.length > 1);
    find("#photo-list-title").textContent = describeProgress(photos) || t("photos");
    applyAll.hidden = photos.length < 2;
    applyAll.disabled = !findDifferent().length;
    applyAll.textContent = count ? t("apply.checked", { count }) : t("apply.all");
    removeAll.textContent = count ? t("remove.checked", { count }) : t("remove.all");
    checkAll.checked = count > 0 && count === photos.length;
    checkAll.indeterminate = count > 0 && count < photos.length;
  });
}

/** @param {import("../state/store.js").Keeping} keeping */
function showKeeping({ state, lost }) {
  if (state === "pending") return; // for a moment, after each change
  const line = find("#keeping");
  line.textContent = t(`keep.${state}`, { count: lost });
  line.classList.toggle("error", state !== "kept");
}

/**
 * Describe how many photographs are ready; "" for a single one.
 * @param {import("../state/store.js").Photo[]} photos
 */
export function describeProgress(photos) {
  const count = photos.length;
  const done = photos.filter(({ stage }) => stage === "done").length;
  const failed = photos.filter(isFinished).length - done;
  if (count < 2) return "";
  return failed ? t("photos.ready-failed", { done, count, failed }) : t("photos.ready", { done, count });
}

/** Get a string that is equal for an equal model and equal adjustments. @param {import("../state/store.js").Photo} [photo] */
const settingsKey = (photo) => JSON.stringify(photo && [photo.edit.model, photo.edit.adjustments]);
