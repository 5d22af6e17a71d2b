/**
 * The state of the page, in one store. Subscribers are called after each change, once per microtask.
 *
 * @typedef {import("../color/colorspace.js").Adjustments} Adjustments
 * @typedef {import("../color/render.js").Chroma} Chroma
 * @typedef {import("../color/render.js").Pixels} Pixels
 * @typedef {{id: number, x: number, y: number, color: string, radius?: number, onlyHere?: boolean}} Hint
 * @typedef {{model: string, adjustments: Adjustments, hints: Hint[]}} Edit what the user changed in a
 *   photograph; the model is "" for the default one
 * @typedef {"waiting" | "reading" | "previewing" | "uploading" | "coloring" | "done" | "failed"} Stage
 *
 * @typedef {object} Photo
 * @property {number} id
 * @property {string} name of its file
 * @property {string} label its name on the page, unique among all photographs
 * @property {File} file
 * @property {Stage} stage
 * @property {?import("../page/texts.js").Problem} problem why it failed
 * @property {number} width of the upright image, in pixels; 0 while unknown
 * @property {number} height
 * @property {boolean} wasColor whether it was in color or toned; known when it is done
 * @property {boolean} wasDeep whether it had more bits than its result; known when it is done
 * @property {number} pages of its file, of which the first is colored; known when it is done
 * @property {"end_missing" | "truncated" | null} damage of its file; known when it is done
 * @property {string[]} unreadableMetadata kinds of its metadata that the result lacks; known when it is done
 * @property {?Pixels} thumbnail in gray
 * @property {?Chroma} chroma as the model predicted it, before the adjustments
 * @property {?string} previewed the preview key that `chroma` belongs to
 * @property {?string} rejected the preview key for which the preview failed
 * @property {Edit} edit
 * @property {?string} downloaded the key of the request that was downloaded last
 * @property {Edit[]} past for undo
 * @property {Edit[]} future for redo
 *
 * @typedef {"added" | "name" | "ready"} Sort
 *
 * @typedef {{state: "pending" | "kept" | "unavailable" | "full", lost: number}} Keeping `lost`: the
 *   number of photographs that are not kept
 *
 * @typedef {object} State
 * @property {Photo[]} photos
 * @property {?number} selected the id of the photograph on the stage
 * @property {number[]} checked ids of photographs; actions on several apply to them, or to all if none is
 * @property {Sort} sort order of the list
 * @property {"adjust" | "correct"} mode
 * @property {"slider" | "side"} layout
 * @property {?Adjustments} defaults from the service; null until they are loaded
 * @property {import("../backend.js").Model[]} models of the service; empty until they are loaded
 * @property {string} model of the photographs that are added next; "" for the default one
 * @property {?{x: number, y: number, hint: ?number}} spot the point whose color is being chosen
 * @property {?{loaded: number, total: number}} loading bytes of the model that this browser is loading
 * @property {boolean} unreachable whether the server does not answer
 * @property {boolean} busy whether requests wait for a busy server
 * @property {boolean} badge whether downloads get a visible badge
 * @property {Keeping} keeping whether the browser keeps the photographs
 * @property {string} announcement the latest message to screen readers
 *
 * @typedef {ReturnType<typeof createStore>} Store
 */

import { serializeHints } from "./hintFile.js";

/** Whether the work on a photograph has ended. @param {Photo} photo */
export const isFinished = ({ stage }) => stage === "done" || stage === "failed";

/** Sorts `photo 2` before `photo 10`. */
const { compare: compareNames } = new Intl.Collator(undefined, { numeric: true });

/** @param {Photo} photo */
const readiness = (photo) => (photo.stage === "done" ? 0 : 1 + Number(isFinished(photo)));

/** Get a string that is equal for equal chroma. @param {string} model @param {string | undefined} hints */
export const previewKey = (model, hints) => JSON.stringify([model, hints]);

/** @returns {State} */
function createState() {
  return {
    photos: [],
    selected: null,
    checked: [],
    sort: "added",
    mode: "adjust",
    layout: "slider",
    defaults: null,
    models: [],
    model: "",
    spot: null,
    loading: null,
    unreachable: false,
    busy: false,
    badge: false,
    keeping: { state: "pending", lost: 0 },
    announcement: "",
  };
}

export function createStore() {
  let state = createState();
  let isNotified = true;
  /** @type {((state: State) => void)[]} */
  const listeners = [];

  function notify() {
    isNotified = true;
    for (const listener of listeners) listener(state);
  }

  /** @param {Partial<State>} fields */
  function set(fields) {
    state = { ...state, ...fields };
    if (!isNotified) return;
    isNotified = false;
    queueMicrotask(notify);
  }

  return {
    get state() {
      return state;
    },
    set,
    /** @param {?number} id @returns {Photo | undefined} */
    photo: (id) => state.photos.find((photo) => photo.id === id),
    /** @returns {Photo | undefined} */
    get current() {
      return this.photo(state.selected);
    },
    /** The photographs in the order of the list. */
    get sorted() {
      const { photos, sort } = state;
      if (sort === "name") return photos.toSorted((a, b) => compareNames(a.label, b.label));
      if (sort === "ready") return photos.toSorted((a, b) => readiness(a) - readiness(b));
      return photos;
    },
    /** The photographs that an action on several applies to: the checked ones, or all. */
    get targets() {
      const { photos, checked } = state;
      return checked.length ? photos.filter(({ id }) => checked.includes(id)) : photos;
    },
    /** @param {Photo} photo @returns {import("../backend.js").ColorizeRequest} */
    requestFor({ edit: { model, adjustments, hints } }) {
      const used = this.supportsHints(model) ? hints : [];
      return { model, adjustments, hints: serializeHints(used), badge: state.badge };
    },
    /** Whether a model supports hints; assumed until the models are loaded. @param {string} model */
    supportsHints: (model) =>
      state.models.find((one) => (model ? one.name === model : one.default))?.hints ?? true,
    /** @param {Photo} photo */
    previewKeyOf(photo) {
      const { model, hints } = this.requestFor(photo);
      return previewKey(model, hints);
    },
    /** Whether the preview was made with another model or other hints. @param {Photo} [photo] */
    isPreviewStale(photo) {
      if (!photo?.chroma) return false;
      const key = this.previewKeyOf(photo);
      return key !== photo.previewed && key !== photo.rejected;
    },
    /** Change fields of a photograph; does nothing if it was removed. @param {number} id @param {Partial<Photo>} fields */
    patch(id, fields) {
      set({
        photos: state.photos.map((photo) => (photo.id === id ? { ...photo, ...fields } : photo)),
      });
    },
    /** @param {(state: State) => void} listener */
    subscribe: (listener) => listeners.push(listener),
  };
}
