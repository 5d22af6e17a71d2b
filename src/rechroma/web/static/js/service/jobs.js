/** The jobs of one photograph on the service: one for each order, forgotten together with it. */

import { ApiError } from "./api.js";
import { serializeHints } from "../state/hintFile.js";

const GONE = [404, 410]; // what the service has forgotten
const MAX_ATTEMPTS = 5; // for a service that forgets jobs that are under way

/** @typedef {import("../state/store.js").Edit} Edit */
/** @typedef {{edit: Edit, badge: boolean}} Order */

/** What tells one order of a picture from another. @param {Order} order */
export const requestKey = ({ edit, badge }) =>
  JSON.stringify([edit.adjustments, serializeHints(edit.hints), badge]);

const createIdempotencyKey = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16)).join("-");

/**
 * @param {ReturnType<import("./api.js").createApi>} api
 * @param {{file: Blob, name: string}} photo
 * @param {AbortSignal} removal of the photograph
 */
export function createJobs(api, { file, name }, removal) {
  /** @type {Map<string, Promise<any>>} */
  const made = new Map();
  const links = [];

  function forget() {
    for (const link of links.splice(0)) api.ask(link, { method: "DELETE" }).catch(() => {});
  }

  /** A job at its end; one that the service forgot when it began anew is handed in again. */
  async function ended(options, tell, tries = MAX_ATTEMPTS) {
    tell("uploading");
    const job = await api.submit(file, { name, ...options, repeat: createIdempotencyKey() }, removal);
    links.push(job.links.self);
    if (removal.aborted) forget();
    tell("coloring");
    return api.follow(job, removal).catch((error) => {
      if (!GONE.includes(error.status) || tries <= 1) throw error;
      return ended(options, tell, tries - 1);
    });
  }

  async function make({ edit, badge }, tell) {
    const query = { ...edit.adjustments, ...(badge && { badge }) };
    const job = await ended({ query, hints: serializeHints(edit.hints) }, tell);
    if (job.state === "done") return job;
    throw new ApiError(job.problem?.status ?? 500, job.problem ?? {});
  }

  /**
   * The ended job of an order; it is made once.
   * @param {Order} order
   * @param {(stage: "uploading" | "coloring") => void} tell is called at each step
   */
  function of(order, tell = () => {}) {
    const key = requestKey(order);
    if (!made.has(key)) {
      made.set(key, make(order, tell));
      made.get(key).catch(() => made.delete(key));
    }
    return made.get(key);
  }

  /** The finished file of an order; what the service has forgotten is made again. */
  async function result(order) {
    const fetched = async () => api.result(await of(order));
    return fetched().catch((error) => {
      if (!GONE.includes(error.status)) throw error;
      made.delete(requestKey(order));
      return fetched();
    });
  }

  removal.addEventListener("abort", forget);
  return { of, result };
}
