/**
 * What the page asks for, apart from its own pixels: the backend. There are two with the same
 * interface: `service/`, a client of the REST API, and `local/`, the model in this browser.
 *
 * @typedef {import("./color/render.js").Chroma} Chroma
 * @typedef {import("./color/colorspace.js").Adjustments} Adjustments
 * @typedef {{name: string, min: number, max: number, step: number, default: number}} Slider
 * @typedef {{name: string, description: string, default: boolean, hints: boolean}} Model
 * @typedef {{color: string, probability: number}} Suggestion
 * @typedef {{model: string, hints?: string, signal?: AbortSignal}} Inference `model`: "" for the
 *   default one
 * @typedef {{width: number, height: number, chroma: Chroma, gray?: Blob}} Prediction
 * @typedef {{model: string, adjustments: Adjustments, hints?: string, badge: boolean}} ColorizeRequest
 * @typedef {{was_color: boolean, pages: number, damage: "end_missing" | "truncated" | null,
 *   was_deep?: boolean, unreadable_metadata?: string[]}} Facts of a photograph that was colored;
 *   `was_deep`: it had more bits than the result
 * @typedef {(stage: "uploading" | "coloring") => void} OnProgress
 *
 * @typedef {object} Jobs of one photograph, deleted when it is removed
 * @property {(request: ColorizeRequest, onProgress?: OnProgress) => Promise<Facts>} run colors the
 *   photograph in full size; the same request is run only once
 * @property {(request: ColorizeRequest) => Promise<Blob>} fetchResult gets the colored file
 *
 * @typedef {object} Backend
 * @property {boolean} isPrivate whether photographs never leave this device
 * @property {string} card address of the default model's card
 * @property {Record<string, string>} texts keys of texts by the selectors of elements that differ
 * @property {(language: string) => Promise<Record<string, string>>} getTexts
 * @property {() => Promise<string>} getVersion
 * @property {() => Promise<Slider[]>} getSliders
 * @property {() => Promise<string[]>} getSamples names of the sample photographs
 * @property {(name: string) => Promise<Blob>} getSample
 * @property {() => Promise<Model[]>} getModels
 * @property {(image: Blob, options: Inference & {gray?: number}) => Promise<Prediction>} predictChroma
 *   `gray`: the side of the gray image to be returned, too
 * @property {(image: Blob, options: Inference & {x: number, y: number}) => Promise<Suggestion[]>} suggestColors
 * @property {(photo: {file: Blob, name: string}, removal: AbortSignal) => Jobs} createJobs
 *
 * @typedef {object} Page what a backend tells the page
 * @property {(isUnreachable: boolean) => void} onUnreachable
 * @property {(isBusy: boolean) => void} onBusy whether requests wait for a busy server
 * @property {(progress: ?{loaded: number, total: number}) => void} onLoading bytes of the model that
 *   were loaded; null when it is ready
 * @property {(wasWrong: boolean) => Promise<string>} askForKey
 */

/** A failure that the page explains by the text `problem.TYPE`. */
export class BackendError extends Error {
  /**
   * @param {string} type
   * @param {string} [message] in English, for a type without a text
   * @param {number} [status] of HTTP; 0 without
   */
  constructor(type, message = type, status = 0) {
    super(message);
    this.type = type;
    this.status = status;
    this.kind = ""; // of the file, if it is of one that is not read
  }
}

/** Get a string that is equal for equal requests. @param {ColorizeRequest} request */
export const requestKey = ({ model, adjustments, hints, badge }) =>
  JSON.stringify([model, adjustments, hints, badge]);

/** Get the address of a sample photograph. @param {string} name @param {boolean} isSmall */
export const sampleUrl = (name, isSmall = false) => `samples/${isSmall ? "small/" : ""}${name}.jpg`;

/**
 * Create the backend that index.html names.
 * @param {Page} page
 * @returns {Promise<Backend>}
 */
export async function createBackend(page) {
  const name = document.querySelector("meta[name=backend]")?.getAttribute("content");
  const module = name === "local" ? import("./local/backend.js") : import("./service/backend.js");
  return (await module).createBackend(page);
}
