/** The words of the page, in the language that the user reads. */

export const LANGUAGES = ["en", "ru"];

let texts = {};

/**
 * @param {string} language one of LANGUAGES
 * @throws {Error} its words cannot be had
 */
export async function speak(language) {
  const answer = await fetch(`/static/texts/${language}.json`);
  if (!answer.ok) throw new Error(answer.statusText);
  texts = await answer.json();
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
 * @param {{key: string, detail?: string}} problem
 */
export function wordsOf({ key, detail }) {
  return key in texts ? t(key) : detail || t("problem.other");
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
