/** Projects: what was changed in the photographs, saved to a file and opened again. */

import { find } from "../page/dom.js";
import { listNames, t } from "../page/texts.js";
import { VersionError, parseProject, serializeProject } from "../state/projectFile.js";
import { saveFile } from "./resultFiles.js";

const PROJECT_NAME = "rechroma.project.json";

/** @typedef {import("../state/projectFile.js").ProjectImage} ProjectImage */

/**
 * @param {import("../state/store.js").Store} store
 * @param {ReturnType<import("../state/history.js").createHistory>} history
 * @param {(problem: import("../page/texts.js").Problem) => void} showError
 */
export function initProject(store, history, showError) {
  const saveButton = find("#save-project", HTMLButtonElement);
  const fileInput = find("#project-file", HTMLInputElement);
  /** @type {ProjectImage[]} */
  let pending = []; // images of the opened project whose photographs were not added yet
  const compared = new Set(); // ids of photographs that were compared with them
  let comparing = Promise.resolve();

  async function save() {
    const images = [];
    for (const { name, file, edit } of store.targets) {
      images.push({ name, size: file.size, sha256: await computeHash(file), edit });
    }
    saveFile(new Blob([serializeProject(images)], { type: "application/json" }), PROJECT_NAME);
  }

  /** @param {File} file */
  async function open(file) {
    const { defaults } = store.state;
    try {
      if (!defaults) return;
      pending = parseProject(await file.text(), defaults);
    } catch (error) {
      const key = error instanceof VersionError ? "problem.project-version" : "problem.project-file";
      showError({ key, values: { name: file.name } });
      return;
    }
    compared.clear();
    comparing = comparing.then(compareAll).then(describeMissing);
  }

  /** Edit the photographs of the project that were added. */
  async function compareAll() {
    let count = 0;
    for (const { id, name, file } of store.state.photos.filter((photo) => !compared.has(photo.id))) {
      compared.add(id);
      const named = pending.filter((image) => image.name === name);
      if (!named.length) continue;
      const image = await findSame(named, file);
      if (!image) {
        showError({ key: "problem.other-file", values: { name } });
        continue;
      }
      pending = pending.filter((one) => one !== image);
      history.commitTo([id], image.edit);
      count++;
    }
    if (count) store.set({ spot: null, announcement: t("announce.project-opened", { count }) });
  }

  function describeMissing() {
    const names = listNames(pending.map(({ name }) => name));
    if (names) showError({ key: "project.missing", values: { names } });
  }

  saveButton.addEventListener("click", save);
  fileInput.addEventListener("change", () => {
    const file = fileInput.files?.[0];
    if (file) open(file);
    fileInput.value = "";
  });
  store.subscribe(({ photos }) => {
    if (pending.length && photos.some(({ id }) => !compared.has(id))) comparing = comparing.then(compareAll);
  });
}

/** @param {ProjectImage[]} images @param {File} file */
async function findSame(images, file) {
  const same = images.filter(({ size }) => size === file.size);
  const hash = same.some(({ sha256 }) => sha256) ? await computeHash(file) : undefined;
  return same.find(({ sha256 }) => !sha256 || !hash || sha256 === hash);
}

/** @param {File} file @returns {Promise<string | undefined>} where the browser has no access to hashes: undefined */
async function computeHash(file) {
  if (!crypto.subtle) return undefined; // without HTTPS
  const hash = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
