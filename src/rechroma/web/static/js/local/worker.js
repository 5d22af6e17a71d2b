/** The worker that colors photographs: it answers calls of the page, one message for each. */

import { BackendError } from "../backend.js";
import { adjustChroma } from "../color/colorspace.js";
import { parseHints } from "../state/hintFile.js";
import { loadAssets } from "./assets.js";
import { resultType, sniffKind } from "./fileKinds.js";
import { limitReach } from "./hintReach.js";
import { createHintMap, createModelInput, unpadChroma } from "./modelInput.js";
import { createNetwork } from "./network.js";
import { decodePhoto, encodeGray, encodePhoto } from "./pixels.js";
import { findDominant, meanLightness, probabilitiesAt, toSuggestions } from "./suggestions.js";

const MAX_PREPARED = 2; // images whose network input is kept, for further hints

/** @typedef {import("../color/render.js").Chroma} Chroma */
/** @typedef {import("../color/colorspace.js").Adjustments} Adjustments */
/** @typedef {import("../state/store.js").Hint} Hint */
/** @typedef {import("./modelInput.js").ModelFacts & import("./assets.js").Asset} SiteModel */
/** @typedef {{base: string, model: SiteModel, runtime: import("./assets.js").Asset, quality: number}} Settings */
/** @typedef {{photo: import("./pixels.js").Photo, input: import("./modelInput.js").ModelInput, plain: ?Promise<Chroma>}} Prepared */
/** @typedef {{image: Blob, key?: number, hints?: string}} Subject `key`: of an image that comes again */

/** @type {Settings} */
let settings;
/** @type {?ReturnType<typeof createNetwork>} */
let loading = null;
/** @type {Map<number, Promise<Prepared>>} */
const prepared = new Map(); // the least recently used first
/** @type {Map<number, AbortController>} */
const calls = new Map(); // by id, while they are in progress
/** @type {Promise<unknown>} */
let lastColored = Promise.resolve(); // in full size, one at a time: each takes memory

/** Load the network once; after a failure, the next call tries again. */
function loadNetwork() {
  loading ??= load().catch((error) => {
    loading = null;
    throw error;
  });
  return loading;
}

async function load() {
  const { model, runtime, base } = settings;
  const contents = await loadAssets([model, runtime], base, (progress) => postMessage({ loading: progress }));
  const network = await createNetwork(contents[0], contents[1], model);
  postMessage({ loading: null });
  return network;
}

/** Decode an image for the network, or get it if it came before. @param {Subject} subject @returns {Promise<Prepared>} */
function prepare({ image, key }) {
  const known = key === undefined ? undefined : prepared.get(key);
  const result = known ?? prepareNew(image);
  if (key === undefined) return result;
  prepared.delete(key);
  prepared.set(key, result);
  result.catch(() => prepared.delete(key));
  for (const old of [...prepared.keys()].slice(0, -MAX_PREPARED)) prepared.delete(old);
  return result;
}

/** @param {Blob} image @returns {Promise<Prepared>} */
async function prepareNew(image) {
  const photo = await decodePhoto(image);
  return { photo, input: createModelInput(photo.gray, settings.model), plain: null };
}

/** @param {string} [text] @returns {Hint[]} */
function readHints(text) {
  if (!text) return [];
  if (!settings.model.hints) throw new BackendError("model-feature");
  return parseHints(text);
}

/** @param {Prepared} subject @param {Hint[]} hints @param {AbortSignal} [signal] @returns {Promise<Chroma>} */
async function predict(subject, hints, signal) {
  const { run } = await loadNetwork();
  signal?.throwIfAborted();
  const { input } = subject;
  const { scale } = settings.model;
  subject.plain ??= run("chroma", input, null).then((output) => unpadChroma(output, input, scale)).catch((error) => {
    subject.plain = null; // so that another attempt can help
    throw error;
  });
  if (!hints.length) return subject.plain;
  const plain = await subject.plain;
  const output = await run("chroma", input, createHintMap(hints, input), signal);
  return limitReach(input.lightness, hints, unpadChroma(output, input, scale), plain);
}

/** @typedef {Subject & {adjustments: Adjustments, badge: boolean}} Work */

/** Color a photograph in full size. @param {Work} work @param {AbortSignal} signal */
async function colorize({ image, adjustments, badge, hints }, signal) {
  signal.throwIfAborted();
  const kind = await sniffKind(image).catch(() => undefined);
  const one = await prepare({ image });
  const chroma = await predict(one, readHints(hints), signal);
  const adjusted = { ...chroma, data: adjustChroma(chroma.data, adjustments) };
  const type = resultType(kind, one.photo.alpha !== null);
  const file = await encodePhoto(one.photo, adjusted, { type, quality: settings.quality / 100, hasBadge: badge });
  const { width, height } = one.photo.gray;
  return { file, width, height, wasColor: one.photo.wasColor };
}

const methods = {
  /** @param {Settings} given */
  async start(given) {
    settings = given;
  },

  async load() {
    await loadNetwork();
  },

  /** @param {Subject & {gray?: number}} subject @param {AbortSignal} signal */
  async predictChroma(subject, signal) {
    const one = await prepare(subject);
    const { width, height } = one.photo.gray;
    const chroma = await predict(one, readHints(subject.hints), signal);
    const gray = subject.gray ? await encodeGray(one.photo, subject.gray) : undefined;
    return { width, height, chroma, gray };
  },

  /** @param {Subject & {x: number, y: number}} subject @param {AbortSignal} signal */
  async suggestColors(subject, signal) {
    const { model } = settings;
    const hints = readHints(subject.hints);
    const { photo, input } = await prepare(subject);
    if (!model.bins.length) throw new BackendError("model-feature");
    const { run } = await loadNetwork();
    const output = await run("distribution", input, hints.length ? createHintMap(hints, input) : null, signal);
    const dominant = findDominant(probabilitiesAt(output, input, model, subject), model.bins);
    return toSuggestions(dominant, meanLightness(photo.gray, subject));
  },

  /** @param {Work} work @param {AbortSignal} signal */
  colorize(work, signal) {
    const result = lastColored.then(() => colorize(work, signal));
    lastColored = result.catch(() => {});
    return result;
  },
};

/** @typedef {typeof methods} Methods */

/** @param {MessageEvent<{id: number, method?: keyof Methods, argument?: any}>} event */
onmessage = async ({ data: { id, method, argument } }) => {
  if (!method) {
    calls.get(id)?.abort();
    return;
  }
  const call = new AbortController();
  calls.set(id, call);
  try {
    postMessage({ id, result: await methods[method](argument, call.signal) });
  } catch (error) {
    const { type = "other", message, status = 0 } = error;
    postMessage({ id, error: { type: error instanceof RangeError ? "browser-memory" : type, message, status } });
  } finally {
    calls.delete(id);
  }
};
