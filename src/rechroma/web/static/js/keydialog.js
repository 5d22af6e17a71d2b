/** Asks for the service's key, where it wants one. */

import { t } from "./texts.js";

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
      if (!field.value.trim()) return;
      dialog.querySelector("button").removeEventListener("click", give);
      field.removeEventListener("keydown", onKey);
      dialog.close();
      resolve(field.value.trim());
    };
    const onKey = (event) => {
      if (event.key === "Enter") give();
    };
    dialog.querySelector("button").addEventListener("click", give);
    field.addEventListener("keydown", onKey);
    dialog.oncancel = (event) => event.preventDefault(); // nothing can be done without a key
  });
}
