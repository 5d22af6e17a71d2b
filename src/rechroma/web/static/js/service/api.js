/**
 * A client of the REST API that retries: requests wait while the server is unreachable or busy, and
 * are then sent again.
 */

import { BackendError } from "../backend.js";
import { readEvents } from "./eventStream.js";

const POLL_INTERVAL = 1000; // milliseconds
const MAX_BUSY_RETRIES = 60; // while the server answers 429 or 503
const MAX_CONNECTION_RETRIES = 3; // when the connection breaks although the server is up
const MAX_RETRY_DELAY = 10; // seconds
const ENDED = ["done", "failed", "expired"];
/** @type {Record<number, string>} */
const TYPE_BY_STATUS = { 413: "upload-too-large", 429: "overloaded", 500: "internal", 503: "overloaded" }; // for responses of a proxy

/** @typedef {{id: string, state: string, links: Record<string, string>, images: any[], problem?: any}} Job */

/** @typedef {ReturnType<typeof createApi>} Api */
/** @typedef {Record<string, Blob | [Blob, string] | string | undefined>} Fields of a form */

/** A response that reports an error. */
export class ApiError extends BackendError {
  /** @param {number} status of HTTP @param {any} problem details by RFC 9457 */
  constructor(status, problem) {
    const type = String(problem.type ?? "").split(":").pop() ?? "";
    const known = ["", "blank"].includes(type) ? TYPE_BY_STATUS[status] ?? type : type;
    super(known, problem.detail ?? problem.title ?? String(status), status);
    this.kind = String(problem.kind ?? "");
  }
}

/** @param {number} milliseconds */
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Create a client. @param {import("../backend.js").Page} page */
export function createApi(page) {
  let key = loadKey();
  /** @type {?Promise<void>} */
  let asking = null;
  /** @type {?Promise<boolean>} */
  let reconnecting = null;
  let waiting = 0; // requests delayed by a busy server

  /** Ask for the key once, however many requests need it. @param {string} usedKey */
  function askForKey(usedKey) {
    if (usedKey !== key) return Promise.resolve();
    asking ??= page.askForKey(Boolean(key)).then((given) => {
      key = given;
      saveKey(given);
      asking = null;
    });
    return asking;
  }

  /** Wait until the server answers; resolves to whether it had been unreachable. */
  function waitUntilBack() {
    reconnecting ??= waitForServer(page.onUnreachable).finally(() => {
      reconnecting = null;
    });
    return reconnecting;
  }

  /**
   * Send a request, again and again if needed, and read the whole response. `signal` aborts it at
   * once; `removal` only prevents further attempts, so that no response is lost.
   * @template T
   * @param {string} path
   * @param {RequestInit & {removal?: AbortSignal}} options
   * @param {(response: Response) => Promise<T>} read
   * @returns {Promise<T>}
   * @throws {ApiError | DOMException} an error response, or an aborted request
   */
  async function request(path, options, read) {
    for (let [broken, busy] = [0, 0]; ; ) {
      const usedKey = key;
      const headers = { ...options.headers, ...(key && { Authorization: `Bearer ${key}` }) };
      const { response, content } = await attempt(path, { ...options, headers }, read);
      if (!response) {
        // An unreadable file breaks its own request only: the server is up, and retrying is useless.
        const isReachable = !(await waitUntilBack());
        if (isReachable && ++broken > MAX_CONNECTION_RETRIES) {
          throw new ApiError(0, { type: options.body ? "unreadable" : "broken-off" });
        }
      } else if (response.ok) return /** @type {T} */ (content);
      else if (response.status === 401) await askForKey(usedKey);
      else if ([429, 503].includes(response.status) && ++busy < MAX_BUSY_RETRIES) {
        await waitWhileBusy(response);
      } else throw new ApiError(response.status, await readProblem(response));
      options.signal?.throwIfAborted();
      options.removal?.throwIfAborted();
    }
  }

  /** Wait as long as a busy server asks for, and show that on the page. @param {Response} response */
  async function waitWhileBusy(response) {
    const seconds = Number(response.headers.get("Retry-After")) || 1;
    page.onBusy(++waiting > 0);
    await pause(1000 * Math.min(seconds, MAX_RETRY_DELAY));
    page.onBusy(--waiting > 0);
  }

  /** @param {string} path @returns {Promise<any>} */
  const getJson = (path) => request(path, {}, (response) => response.json());

  /**
   * @param {string} path
   * @param {Fields} fields
   * @param {RequestInit & {removal?: AbortSignal}} options
   * @returns {Promise<any>}
   */
  const post = (path, fields, options) =>
    request(path, { method: "POST", body: toFormData(fields), ...options },
      (response) => response.json());

  /**
   * Follow a job by its events until it ends; a broken stream is opened again.
   * @param {Job} job
   * @param {AbortSignal} signal
   * @returns {Promise<Job>}
   */
  async function followJob(job, signal) {
    while (!ENDED.includes(job.state)) {
      try {
        const body = await request(job.links.events, { signal }, async (response) => response.body);
        for await (const { event, data } of body ? readEvents(body) : []) {
          if (event === "problem") throw new ApiError(data.status, data);
          job = data;
        }
      } catch (error) {
        if (error instanceof ApiError || signal.aborted) throw error;
      }
      if (!ENDED.includes(job.state)) await pause(POLL_INTERVAL / 4);
    }
    if (job.state === "expired") throw new ApiError(410, {}); // the computer was asleep meanwhile
    return job;
  }

  return {
    getJson,
    /** @param {string} path @returns {Promise<Blob>} */
    getBlob: (path) => request(path, {}, (response) => response.blob()),
    /**
     * Predict the chroma of an image.
     * @param {Blob} image
     * @param {{model: string, hints?: string, gray?: number, signal?: AbortSignal}} options `model`:
     *   "" for the default one; `gray`: the side of the gray image to be returned, too
     */
    predictChroma: (image, { model, hints, gray, signal }) =>
      post(`/v1/chroma${toQuery({ model, gray })}`, { image, hints }, { signal }),
    /**
     * Suggest colors for a point.
     * @param {Blob} image
     * @param {{model: string, x: number, y: number, hints?: string, signal?: AbortSignal}} options
     */
    suggestColors: (image, { model, x, y, hints, signal }) =>
      post(`/v1/suggestions${toQuery({ model, x, y })}`, { image, hints }, { signal }),
    /** Get the models that requests can name. @returns {Promise<import("../backend.js").Model[]>} */
    getModels: async () => (await getJson("/v1/models")).models,
    /**
     * Submit a photograph as a job.
     * @param {Blob} image
     * @param {{name: string, query: Record<string, unknown>, hints?: string, idempotencyKey: string}} options
     * @param {AbortSignal} removal
     * @returns {Promise<Job>}
     */
    submitJob: (image, { name, query, hints, idempotencyKey }, removal) =>
      post(`/v1/jobs${toQuery(query)}`, { image: [image, name], hints }, {
        headers: { "Idempotency-Key": idempotencyKey },
        removal,
      }),
    followJob,
    /** @param {string} path of the job */
    deleteJob: (path) => request(path, { method: "DELETE" }, async () => {}),
  };
}

/**
 * Send a request once; `response` is missing if the server, or what its proxy points to, is down.
 * @template T
 * @param {string} path
 * @param {RequestInit} options
 * @param {(response: Response) => Promise<T>} read
 * @returns {Promise<{response?: Response, content?: ?T}>}
 */
async function attempt(path, options, read) {
  try {
    const response = await fetch(path, options);
    if (response.status === 502 || response.status === 504) return {};
    return { response, content: response.ok ? await read(response) : null };
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return {};
  }
}

/** @param {(isUnreachable: boolean) => void} onUnreachable */
async function waitForServer(onUnreachable) {
  for (let tries = 0; ; tries++) {
    const { response } = await attempt("/healthz", { cache: "no-store" }, (one) => one.text());
    if (response?.ok) {
      onUnreachable(false);
      return tries > 0;
    }
    onUnreachable(true);
    await pause(POLL_INTERVAL);
  }
}

/** @param {Fields} fields */
function toFormData(fields) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (Array.isArray(value)) form.append(name, value[0], value[1]);
    else if (value instanceof Blob) form.append(name, value, "image");
    else if (value) form.append(name, value);
  }
  return form;
}

/** Empty values are left out. @param {Record<string, unknown>} fields */
function toQuery(fields) {
  const known = Object.entries(fields).filter(([, value]) => value !== undefined && value !== "")
    .map(([name, value]) => [name, String(value)]);
  return known.length ? `?${new URLSearchParams(known)}` : "";
}

/** @param {Response} response */
async function readProblem(response) {
  try {
    return await response.json();
  } catch {
    return { title: response.statusText };
  }
}

function loadKey() {
  try {
    return sessionStorage.getItem("key") ?? "";
  } catch {
    return "";
  }
}

/** @param {string} key */
function saveKey(key) {
  try {
    sessionStorage.setItem("key", key);
  } catch {
    // without storage, the key is asked for again after a reload
  }
}
