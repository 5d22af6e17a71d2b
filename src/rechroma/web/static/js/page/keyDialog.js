/** Asks for the service's key, where it wants one. */

import { t } from "./texts.js";

const VALID_KEY = /^[\x21-\x7e]+$/; // what a header can carry

/** @param {boolean} wasWrong @returns {Promise<string>} */
export function askForKey(wasWrong) {
  const dialog = document.querySelector("#key-dialog");
  const field = dialog.querySelector("input");
  const fault = dialog.querySelector("[role=alert]");
  fault.textContent = wasWrong ? t("key.wrong") : "";
  if (!dialog.open) dialog.showModal();
  field.value = "";
  field.focus();
  return new Promise((resolve) => {
    const give = () => {
      const key = field.value.trim();
      if (!VALID_KEY.test(key)) {
        fault.textContent = key && t("key.wrong");
        return;
      }
      dialog.onclose = null;
      dialog.querySelector("button").removeEventListener("click", give);
      field.removeEventListener("keydown", onKey);
      dialog.close();
      resolve(key);
    };
    const onKey = (event) => {
      if (event.key === "Enter") give();
    };
    dialog.querySelector("button").addEventListener("click", give);
    field.addEventListener("keydown", onKey);
    // Nothing can be done without a key, and a second Esc closes the dialog without asking.
    dialog.oncancel = (event) => event.preventDefault();
    dialog.onclose = () => dialog.showModal();
  });
}
