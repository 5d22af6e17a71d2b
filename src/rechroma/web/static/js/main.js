/** Puts the page together. */

import { initAddPhotos } from "./photos/add.js";
import { initSliders } from "./page/sliders.js";
import { createApi } from "./service/api.js";
import { showError, offerUndo, initConnectionBanner } from "./page/notifications.js";
import { createHints } from "./correct/hints.js";
import { createHistory } from "./state/history.js";
import { requestKey } from "./service/jobs.js";
import { askForKey } from "./page/keyDialog.js";
import { initPhotoList } from "./photos/list.js";
import { initHintMarkers } from "./correct/hintMarkers.js";
import { createQueue } from "./photos/queue.js";
import { initSettings } from "./page/settings.js";
import { initStage } from "./stage/stage.js";
import { createStore } from "./state/store.js";
import { initTabs } from "./page/tabs.js";
import { initDownloads } from "./photos/downloads.js";

const isLocal = ["127.0.0.1", "localhost", "[::1]"].includes(location.hostname);

const find = (selector) => document.querySelector(selector);

const store = createStore();
const api = createApi({
  away: (away) => store.set({ away }),
  busy: (busy) => store.set({ busy }),
  askForKey,
});
const queue = createQueue(store, api);
const history = createHistory(store);

function initUndo() {
  find("#undo").addEventListener("click", history.undo);
  find("#redo").addEventListener("click", history.redo);
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input:not([type=range], [type=checkbox]), select");
    if (!(event.ctrlKey || event.metaKey) || event.altKey || isTyping) return;
    const name = latinLetter(event);
    const isRedo = name === "y" || (name === "z" && event.shiftKey);
    if (!isRedo && name !== "z") return;
    event.preventDefault();
    if (isRedo) history.redo();
    else history.undo();
  });
  store.subscribe(() => {
    find("#undo").disabled = !store.current?.past.length;
    find("#redo").disabled = !store.current?.future.length;
  });
}

/** What a key is with Latin letters; on a Russian keyboard its place tells. */
const latinLetter = ({ key, code }) => (key > "~" ? code.slice(-1) : key).toLowerCase();

function initPage() {
  const showTab = initTabs(find("#modes"), (mode) => store.set({ mode, spot: null }));
  store.subscribe(({ photos, mode, say }) => {
    showWorkspace(photos.length > 0);
    if (find("#said").textContent !== say) find("#said").textContent = say;
    document.title = pageTitle(photos);
    showTab(mode);
  });
}

/** The first photograph brings the studio, and the last takes it away: the focus goes along. */
function showWorkspace(isWanted) {
  const isNew = find("#studio").hidden === isWanted;
  const isLeft = find("#welcome").contains(document.activeElement);
  find("#welcome").hidden = isWanted;
  find("#studio").hidden = !isWanted;
  if (isNew && isLeft) find("#stage").focus();
  if (isNew && !isWanted) find("#choose").focus();
}

/** What is pressed may be disabled or hidden by that: the focus then goes to the picture. */
function initFocus() {
  store.subscribe(() => {
    const focused = document.activeElement;
    if (focused === document.body) return;
    if (focused.matches(":disabled") || !focused.checkVisibility()) find("#stage").focus();
  });
}

/** A page that is left takes along all that was not downloaded as it is wanted: ask first. */
function initLeaveWarning() {
  window.addEventListener("beforeunload", (event) => {
    const isUnsaved = (photo) =>
      photo.stage !== "failed" && requestKey(store.orderOf(photo)) !== photo.downloaded;
    if (store.state.photos.some(isUnsaved)) event.preventDefault();
  });
}

function pageTitle(photos) {
  const left = photos.filter(({ stage }) => stage !== "done" && stage !== "failed").length;
  return left ? `(${left}) Rechroma` : "Rechroma";
}

const hints = createHints(store, history, queue, api, showError);
let showMarks = () => {};
const view = initStage(store, queue, hints, () => showMarks());
showMarks = initHintMarkers(store, hints, () => view);
initPhotoList(store, queue, offerUndo);
initSliders(store, history);
initDownloads(store, queue, showError);
initUndo();
initPage();
initConnectionBanner(store, isLocal);
initFocus();
initLeaveWarning();
if (isLocal) find(".promise").dataset.text = "promise.local";
if (matchMedia("(pointer: coarse)").matches) find("#invitation").dataset.text = "invitation.touch";
await initSettings(api, () => store.set({}));
initAddPhotos(api, showError, (files, left = 0) => {
  queue.add(files);
  if (!files.length) showError({ key: "said.none" });
  else if (left) showError({ key: "said.left", values: { count: left } });
});
store.set({});
document.documentElement.dataset.ready = "true";
