/** What the user wants of each photograph, with undo and redo. */

const MAX_STEPS = 200;

/** @typedef {import("./store.js").Edit} Edit */

/** @param {ReturnType<import("./store.js").createStore>} store */
export function createHistory(store) {
  /** @type {?{id: number, edit: Edit}} */
  let before = null; // while something is dragged

  function step(from, to) {
    const photo = store.current;
    const edit = photo?.[from].at(-1);
    if (!edit) return false;
    before = null;
    store.patch(photo.id, {
      edit,
      [from]: photo[from].slice(0, -1),
      [to]: [...photo[to], photo.edit],
    });
    store.set({ spot: null });
    return true;
  }

  return {
    /** Show a edit that is not settled yet. @param {Partial<Edit>} fields */
    preview(fields) {
      const photo = store.current;
      if (before?.id !== photo.id) before = { id: photo.id, edit: photo.edit };
      store.patch(photo.id, { edit: { ...photo.edit, ...fields } });
    },
    /** Settle on a edit, as one step. @param {Partial<Edit>} fields */
    commit(fields) {
      const photo = store.current;
      const last = before?.id === photo.id ? before.edit : photo.edit;
      before = null;
      const past = [...photo.past, last].slice(-MOST_STEPS);
      store.patch(photo.id, { edit: { ...photo.edit, ...fields }, past, future: [] });
    },
    undo: () => step("past", "future"),
    redo: () => step("future", "past"),
  };
}
