/**
 * The service worker of a static site: it keeps the page for use without a network. `rechroma site`
 * puts VERSION, FILES and HEADERS in front of it: a hash of the site, the hash of each file by its
 * address, and headers that a static host may not set.
 *
 * The model and its runtime are not among the files: the page keeps these (js/local/assets.js).
 */

const SCOPE = self.registration.scope;
const PREFIX = `rechroma-page ${SCOPE} `; // there can be several sites at an origin
const CACHE = PREFIX + VERSION;
const INDEX = `${SCOPE}static/files.json`; // where a cache has the hashes of its files

/** Load the files that have changed since the version before; a file of another version is an error. */
async function fill() {
  const cache = await caches.open(CACHE);
  const old = await openOld();
  await Promise.all(Object.entries(FILES).map(async ([path, integrity]) => {
    const url = SCOPE + path;
    const known = old?.files[path] === integrity ? await old.cache.match(url) : undefined;
    const response = known ?? await fetch(url, { integrity, cache: "no-cache" });
    if (!response.ok) throw new Error(`${url}: ${response.status}`);
    const headers = new Headers(response.headers);
    for (const [name, value] of Object.entries(HEADERS)) headers.set(name, value);
    await cache.put(url, new Response(await response.blob(), { headers }));
  }));
  await cache.put(INDEX, Response.json(FILES));
}

/** Open the cache of the version that is in use. */
async function openOld() {
  for (const name of (await caches.keys()).filter((one) => one.startsWith(PREFIX) && one !== CACHE)) {
    const cache = await caches.open(name);
    const files = await cache.match(INDEX);
    if (files) return { cache, files: await files.json() };
  }
  return null;
}

async function deleteOld() {
  const names = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(names.map((name) => caches.delete(name)));
  await self.clients.claim();
}

/**
 * Answer from the cache. If a new version waits, and no other tab has the page of the version before,
 * it is activated, and the page is loaded from it.
 */
async function respond(request) {
  const { waiting } = self.registration;
  if (request.mode === "navigate" && waiting && !(await isOpenElsewhere())) {
    waiting.postMessage("activate");
    // The icon keeps browsers from asking the host for one.
    const html = '<link rel="icon" href="data:,">';
    return new Response(html, { headers: { "Content-Type": "text/html", Refresh: "0" } });
  }
  const url = new URL(request.url);
  const path = url.origin + url.pathname;
  const cache = await caches.open(CACHE);
  const known = await cache.match(path === `${SCOPE}index.html` ? SCOPE : path);
  return known ?? fetch(request);
}

/**
 * Tell whether the page is open in a tab other than the one that loads it. That tab's own page is still
 * counted while it is replaced, but it is in front; behind another tab, a page is hidden.
 */
async function isOpenElsewhere() {
  const pages = await self.clients.matchAll();
  return pages.length > 1 || pages.some(({ visibilityState }) => visibilityState === "hidden");
}

self.addEventListener("install", (event) => event.waitUntil(fill()));
self.addEventListener("activate", (event) => event.waitUntil(deleteOld()));
self.addEventListener("message", ({ data }) => {
  if (data === "activate") self.skipWaiting();
});
self.addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  if (method === "GET" && url.startsWith(SCOPE)) event.respondWith(respond(event.request));
});
