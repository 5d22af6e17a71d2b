/** What is said above all else on the page: what went wrong, what can be undone, what is waited for. */

import { problemOf } from "../photos/queue.js";
import { t, describeProblem } from "./texts.js";

const NOTIFICATION_TIME = 8000; // milliseconds

const find = (selector) => document.querySelector(selector);

/**
 * Say something above all else on the page: for a while, or until it is downloaded back.
 * @returns a way to take it back
 */
function showNotification(words, button, stays) {
  const box = find("#complaint");
  const line = document.createElement("p");
  const dismiss = () => {
    const hadFocus = line.contains(document.activeElement);
    line.remove();
    if (hadFocus) find("#stage").focus();
    box.togglePopover(Boolean(box.childElementCount));
  };
  line.append(words, ...(button ? [button] : []));
  if (!stays) {
    if (!button) box.querySelector("p:not(.stays, :has(button))")?.remove();
    setTimeout(dismiss, NOTIFICATION_TIME);
  }
  line.classList.toggle("stays", stays);
  box.append(line);
  box.togglePopover(true);
  return dismiss;
}

/**
 * Say what went wrong; what can be done again is said until it is.
 * @param {unknown} error a problem with its key, or whatever was thrown
 * @param {() => void} [again]
 * @returns a way to take it back
 */
export function showError(error, again) {
  const button = again && createButton(t("retry"), again);
  return showNotification(describeProblem(error.key ? error : problemOf(error)), button, Boolean(again));
}

/** Say what was done, and let it be downloaded back for a while. */
export function offerUndo(words, undo) {
  const dismiss = showNotification(words, createButton(t("undo.this"), () => {
    dismiss();
    undo();
  }), false);
}

function createButton(words, act) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = words;
  button.addEventListener("click", () => {
    act();
    setTimeout(() => find("#stage").focus()); // it may be shown only now
  });
  return button;
}

/**
 * Say that the service does not answer, or has too much to do, as long as it is waited for.
 * @param {ReturnType<import("../state/store.js").createStore>} store
 * @param {boolean} isLocal whether it runs on this computer
 */
export function initConnectionBanner(store, isLocal) {
  const banner = find("#waiting");
  store.subscribe(({ away, busy }) => {
    const awayText = isLocal ? "away.local" : "away";
    if (away || busy) banner.dataset.text = away ? awayText : "busy";
    if (document.documentElement.dataset.ready) banner.textContent = t(banner.dataset.text);
    banner.togglePopover(away || busy);
  });
}
