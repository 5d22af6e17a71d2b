/** The texts of the page in the user's language. */

import { BackendError } from "../backend.js";

export const LANGUAGES = ["en", "ru"];

const MAX_NAMES = 5; // in a message

/** @type {Record<string, string>} */
let texts = {};
let requested = ""; // the language that was selected last

/**
 * @param {string} language one of LANGUAGES
 * @param {import("../backend.js").Backend} backend
 */
export async function loadTexts(language, backend) {
  requested = language;
  const loaded = await backend.getTexts(language);
  if (language !== requested) return;
  texts = loaded;
  document.documentElement.lang = language;
  translatePage();
}

/**
 * Get a text.
 * @param {string} key
 * @param {Record<string, string | number>} values for the {placeholders} in it
 */
export function t(key, values = {}) {
  return (texts[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/**
 * Format a fraction as a percentage of the current language.
 * @param {number} fraction
 * @param {Intl.NumberFormatOptions} options
 */
export const formatPercent = (fraction, options = {}) =>
  new Intl.NumberFormat(document.documentElement.lang, { style: "percent", ...options }).format(fraction);

/**
 * @typedef {object} Problem
 * @property {string} key of a text
 * @property {string} [kind] of file, which can have a text of its own
 * @property {string} [detail] in English, for a key without a text
 * @property {Record<string, string | number>} [values]
 */

/** List the first names of many. @param {string[]} names */
export const listNames = (names) =>
  [...names.slice(0, MAX_NAMES), ...(names.length > MAX_NAMES ? [`… (${names.length})`] : [])].join(", ");

/** Turn whatever was thrown into a problem. @param {unknown} error @returns {Problem} */
export function toProblem(error) {
  if (error instanceof BackendError) {
    return { key: `problem.${error.type}`, kind: error.kind, detail: error.message };
  }
  console.error(error);
  return { key: "problem.other" };
}

/** Problems of the photograph itself: with the same file they would occur again. */
const PERMANENT = [
  "not-an-image", "empty-image", "broken-image", "unsupported-image", "image-too-small", "image-too-large",
  "upload-too-large", "poison-image", "missing-extra", "unreadable", "browser-format", "browser-unknown", "browser-broken",
  "browser-memory",
].map((type) => `problem.${type}`);

/** Whether another attempt can help. @param {?Problem} problem */
export const canRetry = (problem) => !PERMANENT.includes(problem?.key ?? "");

/** @param {?Problem} problem */
export function describeProblem(problem) {
  const { key, kind, detail, values } = problem ?? { key: "problem.other" };
  if (kind && `kind.${kind}` in texts) return t(`kind.${kind}`);
  return key in texts ? t(key, values) : detail || t("problem.other");
}

/** Set the text of each element with a `data-text`, and the label of each with a `data-label`. */
function translatePage() {
  for (const element of document.querySelectorAll("*")) {
    if (!(element instanceof HTMLElement)) continue;
    const { text, label } = element.dataset;
    if (text) element.textContent = t(text);
    if (!label) continue;
    element.setAttribute("aria-label", t(label));
    if (element.matches("button, label, select")) element.title = t(label);
  }
}
