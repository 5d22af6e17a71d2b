/** The look and the language, kept on this computer. */

import { LANGUAGES, loadTexts } from "./texts.js";

const THEMES = ["auto", "light", "dark"];

/** Local storage may be switched off; then nothing is kept. */
function kept(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

function keep(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // as above
  }
}

function firstLanguage() {
  const wanted = [kept("language"), ...navigator.languages.map((name) => name.slice(0, 2))];
  return wanted.find((name) => LANGUAGES.includes(name)) ?? LANGUAGES[0];
}

function showTheme(theme) {
  document.documentElement.dataset.theme = theme;
}

/**
 * Let the two be chosen.
 * @param {ReturnType<import("../service/api.js").createApi>} api
 * @param {() => void} changed is called when the words are in another language
 * @returns {Promise<void>} until the first words are there
 */
export async function initSettings(api, changed) {
  const language = document.querySelector("#language");
  const theme = document.querySelector("#theme");
  theme.value = THEMES.includes(kept("theme")) ? kept("theme") : "auto";
  showTheme(theme.value);
  theme.addEventListener("change", () => {
    keep("theme", theme.value);
    showTheme(theme.value);
  });
  language.value = firstLanguage();
  language.addEventListener("change", async () => {
    keep("language", language.value);
    await loadTexts(language.value, api);
    changed();
  });
  await loadTexts(language.value, api);
}
