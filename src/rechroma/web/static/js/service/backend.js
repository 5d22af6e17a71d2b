/** The backend that asks the service, through its REST API. */

import { sampleUrl } from "../backend.js";
import { decodeBase64 } from "../photos/decodeImage.js";
import { createApi } from "./api.js";
import { createJobs } from "./jobs.js";

/** @param {import("../backend.js").Page} page @returns {import("../backend.js").Backend} */
export function createBackend(page) {
  const api = createApi(page);
  const isPrivate = ["127.0.0.1", "localhost", "[::1]"].includes(location.hostname);
  return {
    isPrivate,
    card: "model-card",
    texts: {},
    getTexts: (language) => api.getJson(`/static/texts/${language}.json`),
    getVersion: async () => (await api.getJson("/about")).version,
    getSliders: () => api.getJson("/sliders"),
    getSamples: () => api.getJson("/samples"),
    getSample: (name) => api.getBlob(`/${sampleUrl(name)}`),
    getModels: api.getModels,
    async predictChroma(image, options) {
      const { width, height, chroma, gray } = await api.predictChroma(image, options);
      const preview = gray && new Blob([decodeBase64(gray)], { type: "image/jpeg" });
      return { width, height, chroma: decodeChroma(chroma), gray: preview };
    },
    suggestColors: async (image, options) => (await api.suggestColors(image, options)).colors,
    createJobs: (photo, removal) => createJobs(api, photo, removal),
  };
}

/**
 * @param {{width: number, height: number, step: number, data: string}} encoded
 * @returns {import("../color/render.js").Chroma}
 */
function decodeChroma({ width, height, step, data }) {
  const bytes = decodeBase64(data);
  const view = new DataView(bytes.buffer);
  const values = Float32Array.from({ length: bytes.length / 2 }, (_, i) =>
    view.getInt16(2 * i, true) * step);
  return { width, height, data: values };
}
