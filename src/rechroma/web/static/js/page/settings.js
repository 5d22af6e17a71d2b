/** The theme and the language, stored in the browser. */

import { find } from "./dom.js";
import { LANGUAGES, loadTexts } from "./texts.js";

const THEMES = ["auto", "light", "dark"];

/** @param {string} name */
function readSetting(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null; // storage can be disabled
  }
}

/** @param {string} name @param {string} value */
function storeSetting(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // see above
  }
}

function detectLanguage() {
  const preferred = [readSetting("language") ?? "", ...navigator.languages.map((name) => name.slice(0, 2))];
  return preferred.find((name) => LANGUAGES.includes(name)) ?? LANGUAGES[0];
}

/** @param {string} theme */
function applyTheme(theme) {
  document.documentElement.dataset.theme = theme;
}

/**
 * @param {import("../backend.js").Backend} backend
 * @param {() => void} onChange is called after the language has changed
 * @returns {Promise<void>} resolves when the texts are loaded
 */
export async function initSettings(backend, onChange) {
  const language = find("#language", HTMLSelectElement);
  const theme = find("#theme", HTMLSelectElement);
  const stored = readSetting("theme") ?? "";
  theme.value = THEMES.includes(stored) ? stored : "auto";
  applyTheme(theme.value);
  theme.addEventListener("change", () => {
    storeSetting("theme", theme.value);
    applyTheme(theme.value);
  });
  language.value = detectLanguage();
  language.addEventListener("change", async () => {
    storeSetting("language", language.value);
    await loadTexts(language.value, backend);
    onChange();
  });
  await loadTexts(language.value, backend);
}
