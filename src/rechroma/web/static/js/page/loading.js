/** The progress of loading the model into the browser. */

import { find } from "./dom.js";
import { t } from "./texts.js";

const MEGA = 1e6; // bytes

/** @param {import("../state/store.js").Store} store */
export function initLoading(store) {
  const box = find("#loading");
  const text = find("p", HTMLElement, box);
  const bar = find("progress", HTMLProgressElement, box);
  store.subscribe(({ loading }) => {
    box.hidden = !loading;
    if (!loading) return;
    const total = (loading.total / MEGA).toFixed(1);
    const line = t("loading", { total });
    if (text.textContent !== line) text.textContent = line; // once, for screen readers
    bar.setAttribute("aria-label", line);
    bar.max = loading.total;
    bar.value = loading.loaded;
  });
}
