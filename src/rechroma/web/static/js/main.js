/** The entry point: creates the parts of the page and connects them. */

import { createBackend, requestKey } from "./backend.js";
import { createHints } from "./correct/hints.js";
import { initHintMarkers } from "./correct/hintMarkers.js";
import { find, targetOf } from "./page/dom.js";
import { askForKey } from "./page/apiKeyDialog.js";
import { initModelChoice } from "./page/modelChoice.js";
import { initConnectionBanner, offer, offerUndo, showError } from "./page/notifications.js";
import { initHelp } from "./page/help.js";
import { initLoading } from "./page/loading.js";
import { initSettings } from "./page/settings.js";
import { initSliders } from "./page/sliders.js";
import { initTabs } from "./page/tabs.js";
import { t } from "./page/texts.js";
import { initAddPhotos } from "./photos/add.js";
import { initDownloads } from "./photos/downloads.js";
import { createKeeper } from "./photos/keeper.js";
import { initPhotoList } from "./photos/list.js";
import { createPreviews } from "./photos/preview.js";
import { initProject } from "./photos/project.js";
import { createQueue } from "./photos/queue.js";
import { describeProgress, initSeveralPhotos } from "./photos/severalPhotos.js";
import { initPrint } from "./stage/print.js";
import { initStage } from "./stage/stage.js";
import { createHistory } from "./state/history.js";
import { createStore } from "./state/store.js";

const store = createStore();
const backend = await createBackend({
  onUnreachable: (unreachable) => store.set({ unreachable }),
  onBusy: (busy) => store.set({ busy }),
  onLoading: (loading) => store.set({ loading }),
  askForKey,
});
const previews = createPreviews(store, backend);
const queue = createQueue(store, backend, previews);
const history = createHistory(store);
const keeper = createKeeper(store);

function initUndo() {
  const undo = find("#undo", HTMLButtonElement);
  const redo = find("#redo", HTMLButtonElement);
  undo.addEventListener("click", history.undo);
  redo.addEventListener("click", history.redo);
  document.addEventListener("keydown", (event) => {
    const isTyping = targetOf(event).closest("input:not([type=range], [type=checkbox]), select");
    if (!(event.ctrlKey || event.metaKey) || event.altKey || isTyping) return;
    const letter = latinLetter(event);
    const isRedo = letter === "y" || (letter === "z" && event.shiftKey);
    if (!isRedo && letter !== "z") return;
    event.preventDefault();
    if (isRedo) history.redo();
    else history.undo();
  });
  store.subscribe(() => {
    undo.disabled = !store.current?.past.length;
    redo.disabled = !store.current?.future.length;
  });
}

/**
 * Get the Latin letter of a key; on other layouts, such as the Russian one, by its position.
 * @param {KeyboardEvent} event
 */
const latinLetter = ({ key, code }) => (key > "~" ? code.slice(-1) : key).toLowerCase();

function initPage() {
  const showTab = initTabs(find("#modes"), (name) =>
    store.set({ mode: name === "correct" ? "correct" : "adjust", spot: null }));
  store.subscribe(({ photos, mode, announcement }) => {
    showWorkspace(photos.length > 0);
    const announcer = find("#announcer");
    if (announcer.textContent !== announcement) announcer.textContent = announcement;
    document.title = [describeProgress(photos), "Rechroma"].filter(Boolean).join(" - ");
    showTab(mode);
  });
}

/**
 * Switch between the welcome screen and the workspace, and move the focus along.
 * @param {boolean} isVisible
 */
function showWorkspace(isVisible) {
  const [welcome, workspace] = [find("#welcome"), find("#workspace")];
  const hasChanged = workspace.hidden === isVisible;
  const hadFocus = welcome.contains(document.activeElement);
  welcome.hidden = isVisible;
  workspace.hidden = !isVisible;
  if (hasChanged && hadFocus) find("#stage").focus();
  if (hasChanged && !isVisible) find("#choose").focus();
}

/** Move the focus to the stage when the focused control is disabled or hidden, perhaps by itself. */
function initFocus() {
  store.subscribe(() => {
    const focused = document.activeElement;
    if (!focused || focused === document.body) return;
    if (focused.matches(":disabled") || !focused.checkVisibility()) find("#stage").focus();
  });
}

/** Ask before the page is left while there are results that are neither downloaded nor kept. */
function initLeaveWarning() {
  window.addEventListener("beforeunload", (event) => {
    /** @param {import("./state/store.js").Photo} photo */
    const isUnsaved = (photo) =>
      photo.stage !== "failed" && requestKey(store.requestFor(photo)) !== photo.downloaded;
    if (store.state.keeping.state !== "kept" && store.state.photos.some(isUnsaved)) event.preventDefault();
  });
}

/** Continue with the photographs that the browser has kept. */
async function restorePhotos() {
  const kept = await keeper.load();
  if (!kept.length) return;
  const photos = queue.add(kept.map(({ file }) => file), kept.map(({ edit }) => edit));
  keeper.assign(photos, kept);
  offer(t("announce.restored", { count: kept.length }), t("remove.all"), () =>
    photos.forEach(({ id }) => queue.remove(id)));
}

const hints = createHints(store, history, previews, backend, showError);
let renderMarkers = () => {};
const view = initStage(store, previews, hints, () => renderMarkers());
renderMarkers = initHintMarkers(store, hints, () => view);
initPrint(view);
initPhotoList(store, queue, offerUndo);
initSeveralPhotos(store, history, queue, offerUndo);
initDownloads(store, queue, showError);
initModelChoice(store, history, backend, showError);
initUndo();
initPage();
initConnectionBanner(store, backend.isPrivate);
initFocus();
initHelp(backend);
initLoading(store);
initLeaveWarning();
initProject(store, history, showError);
for (const [selector, key] of Object.entries(backend.texts)) find(selector).dataset.text = key;
if (backend.isPrivate) find(".tagline").dataset.text = "tagline.local";
if (matchMedia("(pointer: coarse)").matches) find("#invitation").dataset.text = "invitation.touch";
await Promise.all([initSettings(backend, () => store.set({})), initSliders(store, history, backend)]);
await restorePhotos();
initAddPhotos(backend, showError, ({ files, skipped }) => {
  queue.add(files);
  if (!files.length) showError({ key: "problem.no-photos" });
  else if (skipped) showError({ key: "problem.skipped", values: { count: skipped } });
});
store.set({});
document.documentElement.dataset.ready = "true";
