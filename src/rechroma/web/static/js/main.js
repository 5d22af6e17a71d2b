/** Puts the page together. */

import { setUpAdding } from "./photos/add.js";
import { setUpKnobs } from "./page/adjust.js";
import { createApi } from "./service/api.js";
import { complain, offerUndo, setUpWaiting } from "./page/banners.js";
import { createHints } from "./correct/hints.js";
import { createHistory } from "./state/history.js";
import { orderKey } from "./service/jobs.js";
import { askForKey } from "./page/keydialog.js";
import { setUpList } from "./photos/list.js";
import { setUpMarks } from "./correct/marks.js";
import { createQueue } from "./photos/queue.js";
import { setUpSettings } from "./page/settings.js";
import { setUpStage } from "./stage/stage.js";
import { createStore } from "./state/store.js";
import { setUpTabs } from "./page/tabs.js";
import { setUpTaking } from "./photos/take.js";

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

function setUpUndo() {
  find("#undo").addEventListener("click", history.undo);
  find("#redo").addEventListener("click", history.redo);
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input:not([type=range], [type=checkbox]), select");
    if (!(event.ctrlKey || event.metaKey) || event.altKey || isTyping) return;
    const name = letterOf(event);
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
const letterOf = ({ key, code }) => (key > "~" ? code.slice(-1) : key).toLowerCase();

function setUpPage() {
  const showTab = setUpTabs(find("#modes"), (mode) => store.set({ mode, spot: null }));
  store.subscribe(({ photos, mode, say }) => {
    showStudio(photos.length > 0);
    if (find("#said").textContent !== say) find("#said").textContent = say;
    document.title = titleOf(photos);
    showTab(mode);
  });
}

/** The first photograph brings the studio, and the last takes it away: the focus goes along. */
function showStudio(isWanted) {
  const isNew = find("#studio").hidden === isWanted;
  const isLeft = find("#welcome").contains(document.activeElement);
  find("#welcome").hidden = isWanted;
  find("#studio").hidden = !isWanted;
  if (isNew && isLeft) find("#stage").focus();
  if (isNew && !isWanted) find("#choose").focus();
}

/** What is pressed may be disabled or hidden by that: the focus then goes to the picture. */
function setUpFocus() {
  store.subscribe(() => {
    const focused = document.activeElement;
    if (focused === document.body) return;
    if (focused.matches(":disabled") || !focused.checkVisibility()) find("#stage").focus();
  });
}

/** A page that is left takes along all that was not downloaded as it is wanted: ask first. */
function setUpLeaving() {
  window.addEventListener("beforeunload", (event) => {
    const isLost = (photo) =>
      photo.stage !== "failed" && orderKey(store.orderOf(photo)) !== photo.taken;
    if (store.state.photos.some(isLost)) event.preventDefault();
  });
}

function titleOf(photos) {
  const left = photos.filter(({ stage }) => stage !== "done" && stage !== "failed").length;
  return left ? `(${left}) Rechroma` : "Rechroma";
}

const hints = createHints(store, history, queue, api, complain);
let showMarks = () => {};
const view = setUpStage(store, queue, hints, () => showMarks());
showMarks = setUpMarks(store, hints, () => view);
setUpList(store, queue, offerUndo);
setUpKnobs(store, history);
setUpTaking(store, queue, complain);
setUpUndo();
setUpPage();
setUpWaiting(store, isLocal);
setUpFocus();
setUpLeaving();
if (isLocal) find(".promise").dataset.text = "promise.local";
if (matchMedia("(pointer: coarse)").matches) find("#invitation").dataset.text = "invitation.touch";
await setUpSettings(api, () => store.set({}));
setUpAdding(api, complain, (files, left = 0) => {
  queue.add(files);
  if (!files.length) complain({ key: "said.none" });
  else if (left) complain({ key: "said.left", values: { count: left } });
});
store.set({});
document.documentElement.dataset.ready = "true";
