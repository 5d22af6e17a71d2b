/** The help: how the page is used, what its colors are not, and the version. */

import { find } from "./dom.js";

/** @param {import("../service/api.js").Api} api */
export function initHelp(api) {
  const dialog = find("#help", HTMLDialogElement);
  const version = find("#version");
  find("#open-help").addEventListener("click", async () => {
    dialog.showModal();
    version.textContent ||= (await api.getJson("/about")).version;
  });
  find("#close-help").addEventListener("click", () => dialog.close());
}
