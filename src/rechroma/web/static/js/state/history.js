/** What the user wants of each photograph, with undo and redo. */

const MOST_STEPS = 200;

/** @typedef {import("./store.js").Wish} Wish */

/** @param {ReturnType<import("./store.js").createStore>} store */
export function createHistory(store) {
  /** @type {?{id: number, wish: Wish}} */
  let before = null; // while something is dragged

  function step(from, to) {
    const photo = store.current;
    const wish = photo?.[from].at(-1);
    if (!wish) return false;
    before = null;
    store.patch(photo.id, {
      wish,
      [from]: photo[from].slice(0, -1),
      [to]: [...photo[to], photo.wish],
    });
    store.set({ spot: null });
    return true;
  }

  return {
    /** Show a wish that is not settled yet. @param {Partial<Wish>} fields */
    preview(fields) {
      const photo = store.current;
      if (before?.id !== photo.id) before = { id: photo.id, wish: photo.wish };
      store.patch(photo.id, { wish: { ...photo.wish, ...fields } });
    },
    /** Settle on a wish, as one step. @param {Partial<Wish>} fields */
    commit(fields) {
      const photo = store.current;
      const last = before?.id === photo.id ? before.wish : photo.wish;
      before = null;
      const past = [...photo.past, last].slice(-MOST_STEPS);
      store.patch(photo.id, { wish: { ...photo.wish, ...fields }, past, future: [] });
    },
    undo: () => step("past", "future"),
    redo: () => step("future", "past"),
  };
}
