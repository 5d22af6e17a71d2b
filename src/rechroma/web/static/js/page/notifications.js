/** Notifications above the rest of the page: errors, offers to undo, and the state of the connection. */

import { find } from "./dom.js";
import { describeProblem, t, toProblem } from "./texts.js";

const DISPLAY_TIME = 8000; // milliseconds

/**
 * Show a notification for a while, or until it is dismissed.
 * @param {string} message
 * @param {?HTMLButtonElement} button
 * @param {boolean} isPersistent
 * @returns {() => void} dismisses it
 */
function showNotification(message, button, isPersistent) {
  const box = find("#notifications");
  const line = document.createElement("p");
  const dismiss = () => {
    const hadFocus = line.contains(document.activeElement);
    line.remove();
    if (hadFocus) find("#stage").focus();
    box.togglePopover(Boolean(box.childElementCount));
  };
  line.append(message, ...(button ? [button] : []));
  if (!isPersistent) {
    if (!button) box.querySelector("p:not(.persistent, :has(button))")?.remove();
    setTimeout(dismiss, DISPLAY_TIME);
  }
  line.classList.toggle("persistent", isPersistent);
  box.append(line);
  box.togglePopover(true);
  return dismiss;
}

/**
 * Show an error; with a button to retry, it stays until it is dismissed.
 * @param {any} error a problem, or whatever was thrown
 * @param {() => void} [retry]
 * @returns {() => void} dismisses it
 */
export function showError(error, retry) {
  const button = retry ? createButton(t("retry"), retry) : null;
  const problem = error.key ? error : toProblem(error);
  return showNotification(describeProblem(problem), button, Boolean(retry));
}

/** Show what was done, with a button to undo it. @param {string} message @param {() => void} undo */
export const offerUndo = (message, undo) => offer(message, t("undo.removal"), undo);

/** Show what was done, and a button. @param {string} message @param {string} label @param {() => void} act */
export function offer(message, label, act) {
  const dismiss = showNotification(message, createButton(label, () => {
    dismiss();
    act();
  }), false);
}

/** @param {string} label @param {() => void} onClick */
function createButton(label, onClick) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = label;
  button.addEventListener("click", () => {
    onClick();
    setTimeout(() => find("#stage").focus()); // it may have been hidden until now
  });
  return button;
}

/**
 * Show a banner while the service is unreachable or busy.
 * @param {ReturnType<import("../state/store.js").createStore>} store
 * @param {boolean} isLocal whether the service runs on this computer
 */
export function initConnectionBanner(store, isLocal) {
  const banner = find("#connection");
  store.subscribe(({ unreachable, busy }) => {
    const unreachableText = isLocal ? "unreachable.local" : "unreachable";
    if (unreachable || busy) banner.dataset.text = unreachable ? unreachableText : "busy";
    const { text } = banner.dataset;
    if (text && document.documentElement.dataset.ready) banner.textContent = t(text);
    banner.togglePopover(unreachable || busy);
  });
}
