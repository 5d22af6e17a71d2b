/** The help: how the page is used, what its colors are not, and the version. */

import { find } from "./dom.js";

/** @param {import("../backend.js").Backend} backend */
export function initHelp(backend) {
  const dialog = find("#help", HTMLDialogElement);
  const version = find("#version");
  find("#model-card", HTMLAnchorElement).href = backend.card;
  find("#open-help").addEventListener("click", async () => {
    dialog.showModal();
    version.textContent ||= await backend.getVersion();
  });
  find("#close-help").addEventListener("click", () => dialog.close());
}
