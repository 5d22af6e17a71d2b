/** Puts the page together. */

import { setUpAdding } from "./add.js";
import { setUpKnobs } from "./adjust.js";
import { createApi } from "./api.js";
import { createHints } from "./hints.js";
import { createHistory } from "./history.js";
import { askForKey } from "./keydialog.js";
import { setUpList } from "./list.js";
import { setUpMarks } from "./marks.js";
import { createQueue, problemOf } from "./queue.js";
import { setUpSettings } from "./settings.js";
import { setUpStage } from "./stage.js";
import { createStore } from "./store.js";
import { setUpTabs } from "./tabs.js";
import { setUpTaking } from "./take.js";
import { t, wordsOf } from "./texts.js";

const LOCAL = ["127.0.0.1", "localhost", "[::1]"];
const SHOWN = 8000; // milliseconds that a complaint stays

const find = (selector) => document.querySelector(selector);

const store = createStore();
const api = createApi({ away: (isAway) => store.set({ away: isAway }), askForKey });
const queue = createQueue(store, api);
const history = createHistory(store);

let fading = 0;

/**
 * Say what went wrong, above all else on the page; what can be done again is said until it is.
 * @returns a way to take it back
 */
function complain(error, again) {
  const words = document.createElement("span");
  words.textContent = wordsOf(error.key ? error : problemOf(error));
  find("#complaint").replaceChildren(words, ...(again ? [" ", buttonOf(again)] : []));
  find("#complaint").togglePopover(true);
  const takeBack = () => {
    if (words.isConnected) find("#complaint").togglePopover(false);
  };
  clearTimeout(fading);
  if (!again) fading = setTimeout(takeBack, SHOWN);
  return takeBack;
}

function buttonOf(again) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = t("retry");
  button.addEventListener("click", () => {
    find("#stage").focus();
    again();
  });
  return button;
}

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
  store.subscribe(({ photos, mode, away, say }) => {
    showStudio(photos.length > 0);
    find("#away").hidden = !away;
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

/** A page that is left takes along all that was not downloaded as it is wanted: ask first. */
function setUpLeaving() {
  window.addEventListener("beforeunload", (event) => {
    const isLost = ({ stage, wish, taken }) => stage !== "failed" && wish !== taken;
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
setUpList(store, queue);
setUpKnobs(store, history);
setUpTaking(store, queue, complain);
setUpUndo();
setUpPage();
setUpLeaving();
if (LOCAL.includes(location.hostname)) find(".promise").dataset.text = "promise.local";
await setUpSettings(() => store.set({}), complain);
setUpAdding(api, complain, (files) => {
  if (files.length) queue.add(files);
  else complain({ key: "said.none" });
});
store.set({});
document.documentElement.dataset.ready = "true";
