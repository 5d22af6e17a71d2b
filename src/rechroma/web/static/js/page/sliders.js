/** The sliders of the Adjust tab, with the ranges and defaults of the service's options. */

import { cloneTemplate, find } from "./dom.js";
import { formatPercent, t } from "./texts.js";

/** @typedef {import("../state/store.js").Adjustments} Adjustments */
/** @typedef {import("../backend.js").Slider} Slider */

/**
 * @param {ReturnType<import("../state/store.js").createStore>} store
 * @param {ReturnType<import("../state/history.js").createHistory>} history
 * @param {import("../backend.js").Backend} backend
 * @returns {Promise<void>} resolves when the defaults are in the store
 */
export async function initSliders(store, history, backend) {
  const sliders = await backend.getSliders();
  /** @type {Adjustments} */
  const defaults = Object.assign({}, ...sliders.map((slider) => ({ [slider.name]: slider.default })));
  store.set({ defaults });
  const inputs = sliders.map(createSlider);
  const reset = find("#reset", HTMLButtonElement);

  const current = () => store.current?.edit.adjustments ?? defaults;
  /** @param {HTMLInputElement} input */
  const withValue = (input) => ({
    adjustments: { ...current(), [input.id]: Number(input.value) },
  });

  for (const input of inputs) {
    input.addEventListener("input", () => history.preview(withValue(input)));
    input.addEventListener("change", () => history.commit(withValue(input)));
  }
  reset.addEventListener("click", () => history.commit({ adjustments: defaults }));

  store.subscribe(() => {
    const adjustments = current();
    for (const input of inputs) render(input, valueOf(adjustments, input.id));
    reset.disabled = inputs.every(({ id }) => valueOf(adjustments, id) === valueOf(defaults, id));
  });
}

/** @param {Adjustments} adjustments @param {string} name */
const valueOf = (adjustments, name) => adjustments[/** @type {keyof Adjustments} */ (name)];

/** @param {Slider} slider */
function createSlider({ name, min, max, step }) {
  const element = cloneTemplate("#slider");
  const label = find("label", HTMLLabelElement, element);
  const input = find("input", HTMLInputElement, element);
  label.htmlFor = input.id = name;
  label.dataset.text = `slider.${name}`;
  label.textContent = t(label.dataset.text);
  find("output", HTMLOutputElement, element).setAttribute("for", name);
  Object.assign(input, { min, max, step });
  find("#adjust").lastElementChild?.before(element);
  return input;
}

/** @param {HTMLInputElement} input @param {number} value */
function render(input, value) {
  if (Number(input.value) !== value) input.value = String(value);
  const text = formatPercent(value, { signDisplay: Number(input.min) < 0 ? "exceptZero" : "auto" });
  input.setAttribute("aria-valuetext", text);
  find(`output[for=${input.id}]`).textContent = text;
}
