/** The dialog for the API key. */

import { find } from "./dom.js";
import { t } from "./texts.js";

const VALID_KEY = /^[\x21-\x7e]+$/; // what an HTTP header can carry

/** Ask for a key. @param {boolean} wasWrong whether the last one was @returns {Promise<string>} */
export function askForKey(wasWrong) {
  const dialog = find("#key-dialog", HTMLDialogElement);
  const field = find("input", HTMLInputElement, dialog);
  const button = find("button", HTMLButtonElement, dialog);
  const error = find("[role=alert]", HTMLElement, dialog);
  error.textContent = wasWrong ? t("key.wrong") : "";
  if (!dialog.open) dialog.showModal();
  field.value = "";
  field.focus();
  return new Promise((resolve) => {
    const submit = () => {
      const key = field.value.trim();
      if (!VALID_KEY.test(key)) {
        error.textContent = key && t("key.wrong");
        return;
      }
      dialog.onclose = null;
      button.removeEventListener("click", submit);
      field.removeEventListener("keydown", onKey);
      dialog.close();
      resolve(key);
    };
    /** @param {KeyboardEvent} event */
    const onKey = (event) => {
      if (event.key === "Enter") submit();
    };
    button.addEventListener("click", submit);
    field.addEventListener("keydown", onKey);
    // The page is useless without a key, and a second Esc closes a dialog without a cancel event.
    dialog.oncancel = (event) => event.preventDefault();
    dialog.onclose = () => dialog.showModal();
  });
}
