/** Adding photographs: by drop, paste, file or folder dialog, camera, or from the samples. */

import { sampleUrl } from "../backend.js";
import { cloneTemplate, find } from "../page/dom.js";
import { t } from "../page/texts.js";

// Hidden, or kept by a system for itself, as in rechroma/fs.py.
const CLUTTER =
  /^(\.|(@eadir|#recycle|#snapshot|@recycle|@recently-snapshot|\$recycle\.bin|system volume information|(eh)?thumbs\.db|desktop\.ini|__macosx|lost\+found)$)/i;
const IMAGE_NAME = /^[^.]+$|\.(jpe?g|jpe|jfif|png|tiff?|webp|bmp|gif|hei[cf]|hif|avif|jp2|j2[kc]|jp[xf])$/i;

/** @typedef {{files: File[], skipped: number}} Selection the photographs, and how many other files */

/**
 * @param {import("../backend.js").Backend} backend
 * @param {(problem: unknown) => void} showError
 * @param {(selection: Selection) => void} add
 */
export function initAddPhotos(backend, showError, add) {
  for (const input of document.querySelectorAll("input")) {
    if (!("adds" in input.dataset)) continue;
    input.addEventListener("change", () => {
      const files = [...(input.files ?? [])];
      add(input.webkitdirectory ? keepImages(files) : { files, skipped: 0 });
      input.value = "";
    });
  }
  for (const button of document.querySelectorAll("button")) {
    const { opens } = button.dataset;
    if (opens) button.addEventListener("click", () => find(opens).click());
  }
  initDrop(showError, add);
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length) add({ files, skipped: 0 });
  });
  initSamples(backend, showError, add);
}

/**
 * Keep the images of a folder; hidden files and those of systems are not counted as skipped.
 * @param {File[]} files
 * @returns {Selection}
 */
function keepImages(files) {
  const visible = files.filter(({ name, webkitRelativePath }) =>
    ![name, ...webkitRelativePath.split("/")].some((part) => CLUTTER.test(part)));
  const images = visible.filter(({ name }) => IMAGE_NAME.test(name));
  return { files: images, skipped: visible.length - images.length };
}

/** @param {(problem: unknown) => void} showError @param {(selection: Selection) => void} add */
function initDrop(showError, add) {
  /** @param {DragEvent} event */
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  /** @param {boolean} isOver */
  const mark = (isOver) => document.body.classList.toggle("dropping", isOver);

  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    mark(true);
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) mark(false);
  });
  document.addEventListener("drop", (event) => {
    if (!event.dataTransfer || !hasFiles(event)) return;
    event.preventDefault();
    mark(false);
    collectDropped(event.dataTransfer).then(add, showError);
  });
}

/**
 * Collect all dropped files, and the images of dropped folders.
 * @param {DataTransfer} transfer
 * @returns {Promise<Selection>}
 */
async function collectDropped(transfer) {
  // Entries and files are only available before the first await.
  const entries = [...transfer.items].flatMap((item) => item.webkitGetAsEntry?.() ?? []);
  const files = [...transfer.files];
  const folders = entries.filter((entry) => entry.isDirectory);
  if (!folders.length) return { files, skipped: 0 };
  const single = await Promise.all(entries.filter((entry) => entry.isFile).map(collectEntry));
  const inside = keepImages((await Promise.all(folders.map(collectEntry))).flat());
  return { files: [...single.flat(), ...inside.files], skipped: inside.skipped };
}

/** @param {any} entry a FileSystemEntry @returns {Promise<File[]>} */
async function collectEntry(entry) {
  if (entry.isDirectory && CLUTTER.test(entry.name)) return [];
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const files = [];
  for await (const child of readFolder(entry.createReader())) files.push(await collectEntry(child));
  return files.flat();
}

/**
 * Read a folder; the browser returns its entries in batches, the last of which is empty.
 * @param {FileSystemDirectoryReader} reader
 */
async function* readFolder(reader) {
  for (;;) {
    const batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!batch.length) return;
    yield* batch;
  }
}

/**
 * @param {import("../backend.js").Backend} backend
 * @param {(problem: unknown) => void} showError
 * @param {(selection: Selection) => void} add
 */
async function initSamples(backend, showError, add) {
  /** @param {string} name */
  const addSample = async (name) => {
    const content = await backend.getSample(name);
    add({ files: [new File([content], `${name}.jpg`, { type: "image/jpeg" })], skipped: 0 });
  };
  const names = await backend.getSamples().catch(() => []);
  find("#samples").hidden = !names.length;
  find("#samples ul").replaceChildren(...names.map((name) =>
    createSampleButton(name, () => addSample(name).catch(showError))));
}

/** @param {string} name @param {() => void} onClick */
function createSampleButton(name, onClick) {
  const item = cloneTemplate("#sample");
  const button = find("button", HTMLButtonElement, item);
  button.dataset.label = `sample.${name}`;
  button.title = t(button.dataset.label);
  button.setAttribute("aria-label", button.title);
  find("img", HTMLImageElement, item).src = sampleUrl(name, true);
  button.addEventListener("click", onClick);
  return item;
}
