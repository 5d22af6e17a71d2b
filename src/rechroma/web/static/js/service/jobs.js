/** The jobs of one photograph: one for each distinct request, deleted when the photograph is removed. */

import { requestKey } from "../backend.js";
import { ApiError } from "./api.js";

const GONE = [404, 410]; // statuses of a job that the server no longer has
const MAX_ATTEMPTS = 5; // if the server loses jobs in progress

/** @typedef {import("./api.js").Job} Job */
/** @typedef {import("../backend.js").OnProgress} OnProgress */
/** @typedef {import("../backend.js").ColorizeRequest} ColorizeRequest */

const createIdempotencyKey = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16)).join("-");

/**
 * @param {import("./api.js").Api} api
 * @param {{file: Blob, name: string}} photo
 * @param {AbortSignal} removal of the photograph
 * @returns {import("../backend.js").Jobs}
 */
export function createJobs(api, { file, name }, removal) {
  /** @type {Map<string, Promise<Job>>} */
  const jobs = new Map();
  /** @type {string[]} */
  const paths = []; // of all jobs that were submitted

  function deleteAll() {
    for (const path of paths.splice(0)) api.deleteJob(path).catch(() => {});
  }

  /**
   * Submit a job and follow it to its end; a job lost by a restarted server is submitted again.
   * @param {{query: Record<string, unknown>, hints?: string}} options
   * @param {OnProgress} onProgress
   * @returns {Promise<Job>}
   */
  async function submit(options, onProgress, attempts = MAX_ATTEMPTS) {
    onProgress("uploading");
    const idempotencyKey = createIdempotencyKey();
    const job = await api.submitJob(file, { name, ...options, idempotencyKey }, removal);
    paths.push(job.links.self);
    if (removal.aborted) deleteAll();
    onProgress("coloring");
    return api.followJob(job, removal).catch((error) => {
      if (!GONE.includes(error.status) || attempts <= 1) throw error;
      return submit(options, onProgress, attempts - 1);
    });
  }

  /** @param {ColorizeRequest} request @param {OnProgress} onProgress */
  async function colorize({ model, adjustments, hints, badge }, onProgress) {
    const query = { model, ...adjustments, ...(badge && { badge }) };
    const job = await submit({ query, hints }, onProgress);
    if (job.state === "done") return job;
    throw new ApiError(job.problem?.status ?? 500, job.problem ?? {});
  }

  /**
   * Run a request as a job; the same request is run only once.
   * @param {ColorizeRequest} request
   * @param {OnProgress} onProgress
   * @returns {Promise<Job>} the finished job
   */
  function runJob(request, onProgress = () => {}) {
    const key = requestKey(request);
    const known = jobs.get(key);
    if (known) return known;
    const job = colorize(request, onProgress);
    jobs.set(key, job);
    job.catch(() => jobs.delete(key));
    return job;
  }

  /**
   * Fetch the colored file of a request; an expired result is made again.
   * @param {ColorizeRequest} request
   */
  async function fetchResult(request) {
    const fetchOnce = async () => api.getBlob((await runJob(request)).links.result);
    return fetchOnce().catch((error) => {
      if (!GONE.includes(error.status)) throw error;
      jobs.delete(requestKey(request));
      return fetchOnce();
    });
  }

  removal.addEventListener("abort", deleteAll);
  return {
    run: async (request, onProgress) => (await runJob(request, onProgress)).images[0],
    fetchResult,
  };
}
