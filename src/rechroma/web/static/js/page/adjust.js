/** The three knobs of the photograph that is shown. */

import { USUAL_KNOBS } from "../color/science.js";

const SIGNED = ["warmth"];

/**
 * @param {ReturnType<import("../state/store.js").createStore>} store
 * @param {ReturnType<import("../state/history.js").createHistory>} history
 */
export function setUpKnobs(store, history) {
  const inputs = Object.keys(USUAL_KNOBS).map((name) => document.querySelector(`#${name}`));
  const reset = document.querySelector("#reset");

  const withValue = (input) => ({
    knobs: { ...store.current.wish.knobs, [input.id]: Number(input.value) },
  });

  for (const input of inputs) {
    input.addEventListener("input", () => history.preview(withValue(input)));
    input.addEventListener("change", () => history.commit(withValue(input)));
  }
  reset.addEventListener("click", () => history.commit({ knobs: USUAL_KNOBS }));

  store.subscribe(() => {
    const knobs = store.current?.wish.knobs ?? USUAL_KNOBS;
    for (const input of inputs) show(input, knobs[input.id]);
    reset.disabled = inputs.every(({ id }) => knobs[id] === USUAL_KNOBS[id]);
  });
}

function show(input, value) {
  if (Number(input.value) !== value) input.value = String(value);
  const percent = Math.round(value * 100);
  const words = SIGNED.includes(input.id) && percent > 0 ? `+${percent}` : `${percent}`;
  input.setAttribute("aria-valuetext", `${words} %`);
  document.querySelector(`output[for=${input.id}]`).textContent = `${words} %`;
}
