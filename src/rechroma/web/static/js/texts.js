/** The words of the page, in the language that the user reads. */

export const LANGUAGES = ["en", "ru"];

let texts = {};
let plurals = new Intl.PluralRules("en");

/** @param {string} language one of LANGUAGES */
export async function speak(language) {
  const answer = await fetch(`/static/texts/${language}.json`);
  texts = await answer.json();
  plurals = new Intl.PluralRules(language);
  document.documentElement.lang = language;
  translate(document);
}

/**
 * The text of a key.
 * @param {string} key if `values.count` is given, its plural form is taken
 * @param {Record<string, string | number>} values for the {braces} in it
 */
export function t(key, values = {}) {
  const form = "count" in values ? `${key}.${plurals.select(values.count)}` : key;
  const text = texts[form] ?? texts[`${key}.other`] ?? texts[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/** @param {string} key @returns {boolean} */
export const isKnown = (key) => key in texts;

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
