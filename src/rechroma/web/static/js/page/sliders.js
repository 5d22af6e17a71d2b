/** The three adjustments of the photograph that is shown. */

import { DEFAULT_ADJUSTMENTS } from "../color/colorspace.js";

const SIGNED = ["warmth"];

/**
 * @param {ReturnType<import("../state/store.js").createStore>} store
 * @param {ReturnType<import("../state/history.js").createHistory>} history
 */
export function initSliders(store, history) {
  const inputs = Object.keys(DEFAULT_ADJUSTMENTS).map((name) => document.querySelector(`#${name}`));
  const reset = document.querySelector("#reset");

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
    for (const input of inputs) show(input, adjustments[input.id]);
    reset.disabled = inputs.every(({ id }) => adjustments[id] === DEFAULT_ADJUSTMENTS[id]);
  });
}

function show(input, value) {
  if (Number(input.value) !== value) input.value = String(value);
  const percent = Math.round(value * 100);
  const words = SIGNED.includes(input.id) && percent > 0 ? `+${percent}` : `${percent}`;
  input.setAttribute("aria-valuetext", `${words} %`);
  document.querySelector(`output[for=${input.id}]`).textContent = `${words} %`;
}
