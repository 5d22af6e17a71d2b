/** The choice of the model, shown if the service has more than one. */

import { find } from "./dom.js";

/**
 * A choice is part of a photograph's edit, and applies to the photographs that are added later, too.
 * @param {import("../state/store.js").Store} store
 * @param {ReturnType<import("../state/history.js").createHistory>} history
 * @param {import("../backend.js").Backend} backend
 * @param {(problem: import("./texts.js").Problem) => void} showError
 */
export function initModelChoice(store, history, backend, showError) {
  const select = find("#model", HTMLSelectElement);
  let isAsked = false;

  /** Load the models with the first photograph: before, nothing needs a key. */
  async function load() {
    const models = await backend.getModels();
    select.replaceChildren(...models.map(createOption));
    store.set({ models });
  }

  /** Use the default model in photographs whose edit names it, or a model that the service lacks. */
  function replaceUnknown() {
    const { photos, models } = store.state;
    const offered = models.filter((one) => !one.default).map(({ name }) => name);
    for (const { id, edit } of photos) {
      if (!models.length || !edit.model || offered.includes(edit.model)) continue;
      store.patch(id, { edit: { ...edit, model: "" } });
      if (!models.some(({ name }) => name === edit.model)) {
        showError({ key: "problem.no-model", values: { model: edit.model } });
      }
    }
  }

  select.addEventListener("change", () => {
    store.set({ model: select.value, spot: null });
    history.commit({ model: select.value });
  });
  store.subscribe(({ photos, models }) => {
    replaceUnknown();
    if (photos.length && !isAsked) {
      isAsked = true;
      load().catch(console.error);
    }
    find("#model-choice").hidden = models.length < 2;
    const model = store.current?.edit.model;
    if (model !== undefined && select.value !== model) select.value = model;
  });
}

/** The default model has no name in requests. @param {import("../backend.js").Model} model */
function createOption({ name, description, default: isDefault }) {
  const option = new Option(name, isDefault ? "" : name);
  option.title = description;
  return option;
}
