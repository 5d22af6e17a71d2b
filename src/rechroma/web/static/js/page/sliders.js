/** The sliders of the Adjust tab. */

import { DEFAULT_ADJUSTMENTS } from "../color/colorspace.js";
import { find } from "./dom.js";
import { formatPercent } from "./texts.js";

/**
 * @param {ReturnType<import("../state/store.js").createStore>} store
 * @param {ReturnType<import("../state/history.js").createHistory>} history
 */
export function initSliders(store, history) {
  const inputs = Object.keys(DEFAULT_ADJUSTMENTS).map((name) => find(`#${name}`, HTMLInputElement));
  const reset = find("#reset", HTMLButtonElement);

  const withValue = (input) => ({
    adjustments: { ...store.current.edit.adjustments, [input.id]: Number(input.value) },
  });

  for (const input of inputs) {
    input.addEventListener("input", () => history.preview(withValue(input)));
    input.addEventListener("change", () => history.commit(withValue(input)));
  }
  reset.addEventListener("click", () => history.commit({ adjustments: DEFAULT_ADJUSTMENTS }));

  store.subscribe(() => {
    const adjustments = store.current?.edit.adjustments ?? DEFAULT_ADJUSTMENTS;
    for (const input of inputs) render(input, adjustments[input.id]);
    reset.disabled = inputs.every(({ id }) => adjustments[id] === DEFAULT_ADJUSTMENTS[id]);
  });
}

/** @param {HTMLInputElement} input @param {number} value */
function render(input, value) {
  if (Number(input.value) !== value) input.value = String(value);
  const text = formatPercent(value, { signDisplay: Number(input.min) < 0 ? "exceptZero" : "auto" });
  input.setAttribute("aria-valuetext", text);
  find(`output[for=${input.id}]`).textContent = text;
}
