/**
 * Loading of the model and of its runtime: compressed files that are loaded once, verified, and kept
 * in the browser's cache under an address with their hash.
 *
 * @typedef {object} Asset
 * @property {string} file address, relative to the page
 * @property {number} bytes size of the compressed file
 * @property {string} sha256 of its content, in hexadecimal
 */

import { BackendError } from "../backend.js";

const CACHE = "rechroma-assets"; // and the address: there can be several sites at an origin
const GZIP = [0x1f, 0x8b];

/**
 * Load assets; those that are no longer used leave the cache.
 * @param {Asset[]} assets
 * @param {string} base address of the page
 * @param {(progress: {loaded: number, total: number}) => void} onProgress bytes that came from the network
 * @returns {Promise<Uint8Array<ArrayBuffer>[]>} their content
 */
export async function loadAssets(assets, base, onProgress) {
  const cache = await globalThis.caches?.open(`${CACHE} ${base}`).catch(() => null); // it needs HTTPS
  const urls = assets.map(({ file }) => new URL(file, base).href);
  const kept = await Promise.all(urls.map((url) => cache?.match(url)));
  const total = assets.reduce((sum, { bytes }, at) => sum + (kept[at] ? 0 : bytes), 0);
  const loaded = assets.map(() => 0);
  const contents = await Promise.all(assets.map(async (asset, at) => {
    const response = kept[at];
    if (response) return unpack(new Uint8Array(await response.arrayBuffer()));
    const packed = await download(urls[at], (count) => {
      loaded[at] = Math.min(count, asset.bytes); // more if the browser has unpacked it
      onProgress({ loaded: loaded.reduce((sum, each) => sum + each, 0), total });
    });
    const content = await unpack(packed);
    await verify(content, asset);
    await cache?.put(urls[at], new Response(packed)).catch(() => {}); // storage can be full
    return content;
  }));
  const old = ((await cache?.keys()) ?? []).filter(({ url }) => !urls.includes(url));
  await Promise.all(old.map((request) => cache?.delete(request)));
  return contents;
}

/** @param {string} url @param {(bytes: number) => void} onCount */
async function download(url, onCount) {
  const response = await fetch(url).catch(() => null);
  if (!response?.ok || !response.body) throw new BackendError("loading", `${url}: ${response?.status ?? "no connection"}`);
  const parts = [];
  let count = 0;
  try {
    for (const reader = response.body.getReader(); ;) {
      const { value, done } = await reader.read();
      if (done) break;
      parts.push(value);
      onCount(count += value.length);
    }
  } catch (error) {
    throw new BackendError("loading", `${url}: ${error.message}`);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** Unpack a file, unless the host has sent it as a compressed transfer. @param {Uint8Array<ArrayBuffer>} packed */
async function unpack(packed) {
  if (!GZIP.every((byte, at) => packed[at] === byte)) return packed;
  try {
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch (error) {
    throw new BackendError("damaged-model", error.message);
  }
}

/** @param {Uint8Array<ArrayBuffer>} content @param {Asset} asset */
async function verify(content, { file, sha256 }) {
  if (!crypto.subtle) return; // without HTTPS
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  const found = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (found !== sha256) throw new BackendError("damaged-model", `${file} is damaged`);
}
