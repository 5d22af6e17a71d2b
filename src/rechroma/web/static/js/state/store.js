/**
 * What the page knows, in one place. Whoever shows a part of it is told after each change.
 *
 * @typedef {import("../color/colorspace.js").Adjustments} Adjustments
 * @typedef {import("../color/render.js").Chroma} Chroma
 * @typedef {import("../color/render.js").Pixels} Pixels
 * @typedef {{id: number, x: number, y: number, color: string}} Hint
 * @typedef {{adjustments: Adjustments, hints: Hint[]}} Edit what the user wants of a picture
 * @typedef {"waiting" | "reading" | "previewing" | "uploading" | "coloring" | "done" | "failed"} Stage
 *
 * @typedef {object} Photo
 * @property {number} id
 * @property {string} name of its file
 * @property {string} label what it is called on the page, where no two are called the same
 * @property {Blob} file
 * @property {Stage} stage
 * @property {?import("../page/texts.js").Problem} problem why it failed
 * @property {number} width of the upright picture, in pixels; 0 while unknown
 * @property {number} height
 * @property {boolean} hadColor whether it was in color or toned; known when it is done
 * @property {number} pages of its file, of which the first is colored; known then, too
 * @property {?Pixels} thumbnail small and gray
 * @property {?Chroma} chroma before any knob is turned
 * @property {string | undefined} previewedHints the hints, as text, that `chroma` was made with
 * @property {?Hint[]} rejectedHints the hints that it could not be colored with
 * @property {Edit} edit
 * @property {?string} downloaded the order that was downloaded last, as `requestKey` has it
 * @property {Edit[]} past for undo
 * @property {Edit[]} future for redo
 *
 * @typedef {object} State
 * @property {Photo[]} photos
 * @property {?number} selected the id of the photo that is shown
 * @property {"adjust" | "correct"} mode
 * @property {"slider" | "side"} layout
 * @property {boolean} supportsHints whether the model takes colors that are chosen
 * @property {?{x: number, y: number, hint: ?number}} spot the place whose color is being chosen
 * @property {boolean} away whether the server does not answer
 * @property {boolean} busy whether it has put requests off
 * @property {boolean} badge whether downloads are marked visibly
 * @property {string} say what was said last to those who cannot see
 */

/** @returns {State} */
function firstState() {
  return {
    photos: [],
    selected: null,
    mode: "adjust",
    layout: "slider",
    supportsHints: true,
    spot: null,
    away: false,
    busy: false,
    badge: false,
    say: "",
  };
}

export function createStore() {
  let state = firstState();
  let told = true;
  const listeners = [];

  function tell() {
    told = true;
    for (const listener of listeners) listener(state);
  }

  function set(fields) {
    state = { ...state, ...fields };
    if (!told) return;
    told = false;
    queueMicrotask(tell);
  }

  return {
    get state() {
      return state;
    },
    set,
    /** @param {number} id @returns {Photo | undefined} */
    photo: (id) => state.photos.find((photo) => photo.id === id),
    /** @returns {Photo | undefined} */
    get current() {
      return this.photo(state.selected);
    },
    /** What is wanted of a photo now. @returns {import("../service/jobs.js").Order} */
    orderOf: ({ edit }) => ({ edit, badge: state.badge }),
    /** Change some fields of a photo; one that was removed meanwhile stays so. */
    patch(id, fields) {
      set({
        photos: state.photos.map((photo) => (photo.id === id ? { ...photo, ...fields } : photo)),
      });
    },
    subscribe: (listener) => listeners.push(listener),
  };
}
