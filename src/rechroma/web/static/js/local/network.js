/** The network, run by ONNX Runtime in WebAssembly. */

import { BackendError } from "../backend.js";

const RUNTIME = "../../onnxruntime/ort.wasm.bundle.min.js";

/** @typedef {import("./modelInput.js").ModelInput} ModelInput */

/**
 * Create the network.
 * @param {Uint8Array<ArrayBuffer>} model
 * @param {Uint8Array<ArrayBuffer>} runtime in WebAssembly
 * @param {import("./modelInput.js").ModelFacts} facts
 */
export async function createNetwork(model, runtime, facts) {
  const ort = await import(new URL(RUNTIME, import.meta.url).href);
  ort.env.wasm.wasmBinary = runtime;
  ort.env.wasm.numThreads = countThreads();
  ort.env.logLevel = "error";
  const session = await ort.InferenceSession.create(model, {
    executionProviders: ["wasm"],
    graphOptimizationLevel: "disabled", // starts a second sooner, and runs as fast: most of it is convolutions
    enableCpuMemArena: false, // images differ in shape: an arena would only grow
    executionMode: "sequential",
  });
  ort.env.wasm.wasmBinary = undefined; // it is compiled, and takes memory
  /** @type {Promise<unknown>} */
  let last = Promise.resolve(); // the session runs one input at a time

  /**
   * Run the network for one of its outputs.
   * @param {"chroma" | "distribution"} output
   * @param {ModelInput} input
   * @param {Float32Array | null} hints
   * @param {AbortSignal} [signal]
   * @returns {Promise<Float32Array>}
   */
  function run(output, input, hints, signal) {
    const result = last.then(() => {
      signal?.throwIfAborted();
      return runOnce(output, input, hints);
    });
    last = result.catch(() => {});
    return result;
  }

  /** @param {string} output @param {ModelInput} input @param {Float32Array | null} hints */
  async function runOnce(output, { padded: { width, height, data } }, hints) {
    /** @type {Record<string, unknown>} */
    const feeds = { lightness: new ort.Tensor("float32", data, [1, 1, height, width]) };
    if (facts.hints) {
      const map = hints ?? new Float32Array(3 * width * height);
      feeds.hints = new ort.Tensor("float32", map, [1, 3, height, width]);
    }
    const results = await session.run(feeds, [output]).catch((/** @type {unknown} */ error) => {
      throw new BackendError("engine", String(error));
    });
    /** @type {Float32Array} */
    const values = results[output].data;
    if (!values.every(Number.isFinite)) throw new BackendError("engine", `the ${output} is not finite`);
    return values;
  }

  return { run };
}

/** Threads need memory that they share, which a page has only if its host isolates it. */
const countThreads = () =>
  globalThis.crossOriginIsolated ? Math.min(4, Math.ceil((navigator.hardwareConcurrency || 1) / 2)) : 1;
