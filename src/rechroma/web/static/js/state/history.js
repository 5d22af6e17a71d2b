/** Undo and redo of the edits of each photograph. */

const MAX_STEPS = 200;

/** @typedef {import("./store.js").Edit} Edit */

/** @param {ReturnType<import("./store.js").createStore>} store */
export function createHistory(store) {
  /** @type {?{id: number, edit: Edit}} */
  let before = null; // the edit before the current drag

  /** @param {"past" | "future"} from @param {"past" | "future"} to */
  function step(from, to) {
    const photo = store.current;
    const edit = photo?.[from].at(-1);
    if (!photo || !edit) return;
    before = null;
    store.patch(photo.id, {
      edit,
      [from]: photo[from].slice(0, -1),
      [to]: [...photo[to], photo.edit],
    });
    store.set({ spot: null });
  }

  return {
    /** Show an edit without adding it to the history. @param {Partial<Edit>} fields */
    preview(fields) {
      const photo = store.current;
      if (!photo) return;
      if (before?.id !== photo.id) before = { id: photo.id, edit: photo.edit };
      store.patch(photo.id, { edit: { ...photo.edit, ...fields } });
    },
    /** Make an edit one step of the history. @param {Partial<Edit>} fields */
    commit(fields) {
      const photo = store.current;
      if (!photo) return;
      const last = before?.id === photo.id ? before.edit : photo.edit;
      before = null;
      const past = [...photo.past, last].slice(-MAX_STEPS);
      store.patch(photo.id, { edit: { ...photo.edit, ...fields }, past, future: [] });
    },
    undo: () => step("past", "future"),
    redo: () => step("future", "past"),
  };
}
