/** The service's REST API. While the server is away, requests wait and are sent again. */

import { eventsOf } from "./events.js";

const LOOK_AGAIN = 1000; // milliseconds
const MOST_WAITS = 60; // for a server that is busy
const MOST_BREAKS = 3; // of a connection to a server that is there
const ENDED = ["done", "failed", "expired"];
const BY_STATUS = { 413: "upload-too-large", 429: "busy", 500: "unexpected", 503: "busy" }; // without a type

/** Why the service did not do what it was asked to. */
export class Refusal extends Error {
  /** @param {number} status of HTTP @param {any} problem as RFC 9457 has it */
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? String(status));
    this.status = status;
    const type = String(problem.type ?? "").split(":").pop();
    this.type = ["", "blank"].includes(type) ? BY_STATUS[status] ?? type : type;
  }
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/**
 * @param {object} page
 * @param {(isAway: boolean) => void} page.away whether the server does not answer
 * @param {(isBusy: boolean) => void} page.busy whether it has put requests off
 * @param {(wasWrong: boolean) => Promise<string>} page.askForKey
 */
export function createApi(page) {
  let key = keptKey();
  let asking = null;
  let returning = null;
  let waiting = 0; // requests that a busy service has put off

  /** One question for all requests that need a key. */
  function askForKey(usedKey) {
    if (usedKey !== key) return Promise.resolve();
    asking ??= page.askForKey(Boolean(key)).then((given) => {
      key = given;
      keepKey(given);
      asking = null;
    });
    return asking;
  }

  /** Until the server answers again; true if it had really been away. */
  function untilBack() {
    returning ??= waitForServer(page.away).finally(() => {
      returning = null;
    });
    return returning;
  }

  /**
   * Send a request until it is answered, and the answer is read to its end. `signal` ends it at
   * once; `removal` only keeps it from being sent again, so that no answer is lost.
   * @template T
   * @param {(answer: Response) => Promise<T>} read
   * @returns {Promise<T>} what was read of an answer that is fine
   * @throws {Refusal | DOMException} what the service refused, or an aborted request
   */
  async function ask(path, options = {}, read = async (answer) => answer) {
    for (let [broken, busy] = [0, 0]; ; ) {
      const usedKey = key;
      const headers = { ...options.headers, ...(key && { Authorization: `Bearer ${key}` }) };
      const [answer, content] = await attempt(path, { ...options, headers }, read);
      if (!answer) {
        // The picture itself may be what cannot be read: the server answers, and it still fails.
        const isThere = !(await untilBack());
        if (isThere && ++broken > MOST_BREAKS) throw new Refusal(0, { type: brokenType(options) });
      } else if (answer.ok) return content;
      else if (answer.status === 401) await askForKey(usedKey);
      else if (isBusy(answer.status) && ++busy < MOST_WAITS) await untilFree(waitOf(answer));
      else throw new Refusal(answer.status, await problemOf(answer));
      options.signal?.throwIfAborted();
      options.removal?.throwIfAborted();
    }
  }

  /** Wait for a service that has too much to do, and let that be seen. */
  async function untilFree(milliseconds) {
    page.busy(++waiting > 0);
    await pause(milliseconds);
    page.busy(--waiting > 0);
  }

  const post = (path, fields, options) =>
    ask(path, { method: "POST", body: formOf(fields), ...options }, (answer) => answer.json());

  return {
    ask,
    /** The colors of a picture alone. */
    sketch: (picture, { hints, gray, signal } = {}) =>
      post(`/v1/chroma${queryOf({ gray })}`, { picture, hints }, { signal }),
    /** Likely colors of a place. */
    palette: (picture, { x, y, hints, signal }) =>
      post(`/v1/suggestions${queryOf({ x, y })}`, { picture, hints }, { signal }),
    /** The model that requests get which name none. */
    model: () => ask("/v1/models", {}, (answer) => answer.json()).then(({ models }) =>
      models.find((model) => model.default)),
    /** Hand in a picture as a job; the same `repeat` never makes a second one. */
    submit: (picture, { name, query, hints, repeat }, removal) =>
      post(`/v1/jobs${queryOf(query)}`, { picture: [picture, name], hints }, {
        headers: { "Idempotency-Key": repeat },
        removal,
      }),
    /** Follow a job; gives it as it ended. */
    follow: (job, signal) => follow(ask, job, signal),
    /** The finished file. */
    result: (job) => ask(job.links.result, {}, (answer) => answer.blob()),
  };
}

/** The answer and what was read of it; neither if the server, or its proxy, is away. */
async function attempt(path, options, read) {
  try {
    const answer = await fetch(path, options);
    if (answer.status === 502 || answer.status === 504) return [null, null];
    return [answer, answer.ok ? await read(answer) : null];
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return [null, null];
  }
}

async function waitForServer(away) {
  for (let tries = 0; ; tries++) {
    const [answer] = await attempt("/healthz", { cache: "no-store" }, (one) => one.text());
    if (answer?.ok) {
      away(false);
      return tries > 0;
    }
    away(true);
    await pause(LOOK_AGAIN);
  }
}

async function follow(ask, job, signal) {
  while (!ENDED.includes(job.state)) {
    try {
      const answer = await ask(job.links.events, { signal });
      for await (const { event, data } of eventsOf(answer.body)) {
        if (event === "problem") throw new Refusal(data.status, data);
        job = data;
      }
    } catch (error) {
      if (error instanceof Refusal || signal.aborted) throw error; // else it broke: ask again
    }
    if (!ENDED.includes(job.state)) await pause(LOOK_AGAIN / 4);
  }
  if (job.state === "expired") throw new Refusal(410, {}); // as happens to who slept meanwhile
  return job;
}

function formOf(fields) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (Array.isArray(value)) form.append(name, ...value);
    else if (value) form.append(name, value, ...(value instanceof Blob ? ["picture"] : []));
  }
  return form;
}

function queryOf(fields = {}) {
  const known = Object.entries(fields).filter(([, value]) => value !== undefined);
  return known.length ? `?${new URLSearchParams(known)}` : "";
}

const brokenType = ({ body }) => (body ? "unreadable" : "broken-off");

const isBusy = (status) => status === 429 || status === 503;

const waitOf = (answer) => 1000 * Math.min(Number(answer.headers.get("Retry-After")) || 1, 10);

async function problemOf(answer) {
  try {
    return await answer.json();
  } catch {
    return { title: answer.statusText };
  }
}

function keptKey() {
  try {
    return sessionStorage.getItem("key") ?? "";
  } catch {
    return "";
  }
}

function keepKey(key) {
  try {
    sessionStorage.setItem("key", key);
  } catch {
    // it is asked for again after a reload
  }
}
