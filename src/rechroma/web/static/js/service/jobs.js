/** The jobs of one photograph on the service: one for each order, forgotten together with it. */

import { Refusal } from "./api.js";
import { hintsText } from "../state/hintfile.js";

const GONE = [404, 410]; // what the service has forgotten
const MOST_TRIES = 5; // for a service that forgets jobs that are under way

/** @typedef {import("../state/store.js").Wish} Wish */
/** @typedef {{wish: Wish, badge: boolean}} Order */

/** What tells one order of a picture from another. @param {Order} order */
export const orderKey = ({ wish, badge }) =>
  JSON.stringify([wish.knobs, hintsText(wish.hints), badge]);

const randomName = () =>
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
  async function ended(options, tell, tries = MOST_TRIES) {
    tell("sending");
    const job = await api.submit(file, { name, ...options, repeat: randomName() }, removal);
    links.push(job.links.self);
    if (removal.aborted) forget();
    tell("coloring");
    return api.follow(job, removal).catch((error) => {
      if (!GONE.includes(error.status) || tries <= 1) throw error;
      return ended(options, tell, tries - 1);
    });
  }

  async function make({ wish, badge }, tell) {
    const query = { ...wish.knobs, ...(badge && { badge }) };
    const job = await ended({ query, hints: hintsText(wish.hints) }, tell);
    if (job.state === "done") return job;
    throw new Refusal(job.problem?.status ?? 500, job.problem ?? {});
  }

  /**
   * The ended job of an order; it is made once.
   * @param {Order} order
   * @param {(stage: "sending" | "coloring") => void} tell is called at each step
   */
  function of(order, tell = () => {}) {
    const key = orderKey(order);
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
      made.delete(orderKey(order));
      return fetched();
    });
  }

  removal.addEventListener("abort", forget);
  return { of, result };
}
