/** The words of the page, in the language that the user reads. */

export const LANGUAGES = ["en", "ru"];

let texts = {};
let wanted = ""; // the language that was chosen last

/**
 * @param {string} language one of LANGUAGES
 * @param {ReturnType<import("../service/api.js").createApi>} api
 */
export async function loadTexts(language, api) {
  wanted = language;
  const found = await api.ask(`/static/texts/${language}.json`, {}, (answer) => answer.json());
  if (language !== wanted) return;
  texts = found;
  document.documentElement.lang = language;
  translate(document);
}

/**
 * The text of a key.
 * @param {string} key
 * @param {Record<string, string | number>} values for the {braces} in it
 */
export function t(key, values = {}) {
  return (texts[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/**
 * What is said of a problem: in the user's language if it is a known one.
 * @typedef {{key: string, detail?: string, values?: Record<string, string>}} Problem
 * @param {Problem} problem
 */
export function describeProblem({ key, detail, values }) {
  return key in texts ? t(key, values) : detail || t("problem.other");
}

/** Fill in the words of elements that name them. */
export function translate(root) {
  for (const element of root.querySelectorAll("[data-text]")) {
    element.textContent = t(element.dataset.text);
  }
  for (const element of root.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", t(element.dataset.label));
    if (element.matches("button, label, select")) element.title = t(element.dataset.label);
  }
}
