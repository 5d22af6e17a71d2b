/** Undo and redo of the edits of each photograph. */

const MAX_STEPS = 200;

/** @typedef {import("./store.js").Edit} Edit */

/** @param {Edit[]} past @param {Edit} edit */
const addStep = (past, edit) => [...past, edit].slice(-MAX_STEPS);

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
      const edit = { ...photo.edit, ...fields };
      store.patch(photo.id, { edit, past: addStep(photo.past, last), future: [] });
    },
    /**
     * Make an edit one step of the history of several photographs.
     * @param {number[]} ids
     * @param {Partial<Edit>} fields
     * @returns {() => void} takes the edit back where it was not changed since
     */
    commitTo(ids, fields) {
      const changed = ids.flatMap((id) => {
        const photo = store.photo(id);
        if (!photo) return [];
        const edit = { ...photo.edit, ...fields };
        store.patch(id, { edit, past: addStep(photo.past, photo.edit), future: [] });
        return [{ photo, edit }];
      });
      return () => {
        for (const { photo: { id, edit: old, past, future }, edit } of changed) {
          if (store.photo(id)?.edit === edit) store.patch(id, { edit: old, past, future });
        }
      };
    },
    undo: () => step("past", "future"),
    redo: () => step("future", "past"),
  };
}
