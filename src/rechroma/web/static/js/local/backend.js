/**
 * The backend that colors photographs in this browser: a worker runs the model, and no photograph
 * leaves this device. `site.json`, which `rechroma site` writes, describes the site.
 */

import { BackendError, requestKey, sampleUrl } from "../backend.js";
import { readMetadata, writeMetadata } from "./metadata/copy.js";

const SERVICE_WORKER = "service-worker.js";

/** @typedef {import("../backend.js").Slider} Slider */
/** @typedef {import("./worker.js").Methods} Methods */
/**
 * @typedef {object} Site
 * @property {string} version
 * @property {Slider[]} sliders
 * @property {string[]} samples
 * @property {number} quality of JPEG
 * @property {import("./worker.js").SiteModel} model
 * @property {import("./assets.js").Asset} runtime
 */

/** @param {string} path relative to the page @returns {Promise<Response>} */
async function load(path) {
  const response = await fetch(path).catch(() => null);
  if (!response?.ok) throw new BackendError("loading", `${path}: ${response?.status ?? "no connection"}`);
  return response;
}

/** @param {import("../backend.js").Page} page @returns {Promise<import("../backend.js").Backend>} */
export async function createBackend(page) {
  /** @type {Site} */
  const site = await (await load("static/site.json")).json();
  const { call } = startWorker(page);
  const { model, runtime, quality } = site;
  const base = new URL(".", document.baseURI).href;
  await call("start", { base, model, runtime, quality });
  keepOffline();
  if (!isSavingData()) call("load", undefined).catch(() => {}); // it is tried again with a photograph
  const keyOf = createKeys();

  return {
    isPrivate: true,
    card: "static/model-card.json",
    texts: { "#formats": "formats.local" },
    getTexts: async (language) => (await load(`static/texts/${language}.json`)).json(),
    getVersion: async () => site.version,
    getSliders: async () => site.sliders,
    getSamples: async () => site.samples,
    getSample: async (name) => (await load(sampleUrl(name))).blob(),
    getModels: async () => [{ name: model.name, description: model.description, default: true, hints: model.hints }],
    predictChroma: (image, { hints, gray, signal }) =>
      call("predictChroma", { image, key: keyOf(image), hints, gray }, signal),
    suggestColors: (image, { x, y, hints, signal }) =>
      call("suggestColors", { image, key: keyOf(image), x, y, hints }, signal),
    createJobs: ({ file }, removal) => createJobs(call, file, removal),
  };
}

/** Whether the user asks for little data, so that nothing large is loaded before it is needed. */
const isSavingData = () => Boolean(/** @type {any} */ (navigator).connection?.saveData);

/** Install the service worker, which keeps the page for use without a network. */
function keepOffline() {
  navigator.serviceWorker?.register(SERVICE_WORKER).catch((error) => console.info("no offline use:", error.message));
}

/** Number images, so that the worker knows those that come again. */
function createKeys() {
  /** @type {WeakMap<Blob, number>} */
  const keys = new WeakMap();
  let last = 0;
  /** @param {Blob} image */
  return (image) => {
    const key = keys.get(image) ?? ++last;
    keys.set(image, key);
    return key;
  };
}

/** @typedef {<M extends keyof Methods>(method: M, argument: Parameters<Methods[M]>[0], signal?: AbortSignal) => ReturnType<Methods[M]>} Call */

/** Start the worker. @param {import("../backend.js").Page} page */
function startWorker(page) {
  const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  /** @type {Map<number, {resolve: (result: any) => void, reject: (error: unknown) => void}>} */
  const pending = new Map();
  let lastId = 0;

  /** @param {number} id */
  function take(id) {
    const one = pending.get(id);
    pending.delete(id);
    return one;
  }

  worker.onmessage = ({ data }) => {
    if ("loading" in data) page.onLoading(data.loading);
    else if (data.error) take(data.id)?.reject(new BackendError(data.error.type, data.error.message, data.error.status));
    else take(data.id)?.resolve(data.result);
  };
  worker.onerror = (event) => {
    event.preventDefault();
    for (const id of [...pending.keys()]) take(id)?.reject(new BackendError("engine", event.message));
  };

  /** @type {(method: string, argument: unknown, signal?: AbortSignal) => Promise<any>} */
  const call = (method, argument, signal) => new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const id = ++lastId;
    pending.set(id, { resolve, reject });
    signal?.addEventListener("abort", () => {
      take(id)?.reject(signal.reason);
      worker.postMessage({ id });
    });
    worker.postMessage({ id, method, argument });
  });
  return { call: /** @type {Call} */ (/** @type {unknown} */ (call)) };
}

/**
 * The jobs of one photograph; the result of its last request is kept.
 * @param {Call} call
 * @param {Blob} file
 * @param {AbortSignal} removal
 * @returns {import("../backend.js").Jobs}
 */
function createJobs(call, file, removal) {
  /** @type {?{key: string, job: ReturnType<typeof colorize>}} */
  let last = null;

  /** @param {import("../backend.js").ColorizeRequest} request */
  async function colorize({ adjustments, hints, badge }) {
    const reading = readMetadata(file);
    const colored = await call("colorize", { image: file, adjustments, hints, badge }, removal);
    const metadata = await reading;
    const size = /** @type {[number, number]} */ ([colored.width, colored.height]);
    const result = await writeMetadata(colored.file, metadata, size, loadProfile);
    const { pages, wasDeep } = metadata;
    return { result, facts: { was_color: colored.wasColor, pages, damage: null, was_deep: wasDeep } };
  }

  /** @param {import("../backend.js").ColorizeRequest} request */
  function runOnce(request) {
    const key = requestKey(request);
    if (last?.key === key) return last.job;
    const job = colorize(request);
    last = { key, job };
    job.catch(() => {
      if (last?.job === job) last = null;
    });
    return job;
  }

  removal.addEventListener("abort", () => {
    last = null;
  });
  return {
    async run(request, onProgress = () => {}) {
      onProgress("coloring");
      return (await runOnce(request)).facts;
    },
    fetchResult: async (request) => (await runOnce(request)).result,
  };
}

const loadProfile = async () => new Uint8Array(await (await load("static/srgb.icc")).arrayBuffer());
