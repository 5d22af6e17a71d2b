/** How photographs come in: dropped, pasted, chosen, photographed, or from the samples. */

import { t } from "../page/texts.js";

const IMAGE_NAME = /^[^.]+$|\.(jpe?g|jpe|jfif|png|tiff?|webp|bmp|gif|hei[cf]|avif)$/i;

/**
 * @param {ReturnType<import("../service/api.js").createApi>} api
 * @param {(problem: unknown) => void} showError
 * @param {(files: File[], left?: number) => void} add is told, too, how many files were left out
 */
export function initAddPhotos(api, showError, add) {
  for (const input of document.querySelectorAll("input[data-adds]")) {
    input.addEventListener("change", () => {
      const files = [...input.files];
      add(...(input.webkitdirectory ? keepImages(files) : [files]));
      input.value = "";
    });
  }
  for (const button of document.querySelectorAll("button[data-opens]")) {
    button.addEventListener("click", () => document.querySelector(button.dataset.opens).click());
  }
  initDrop(showError, add);
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length) add(files);
  });
  initSamples(api, (name) => fetchSample(api, name).then((file) => add([file]), showError));
}

/** The pictures among files of a folder, and how many others there are that one can see. */
function keepImages(files) {
  const seen = files.filter(({ name, webkitRelativePath }) =>
    ![name, ...webkitRelativePath.split("/")].some((part) => part.startsWith(".")));
  const pictures = seen.filter(({ name }) => IMAGE_NAME.test(name));
  return [pictures, seen.length - pictures.length];
}

function initDrop(showError, add) {
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
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
    if (!hasFiles(event)) return;
    event.preventDefault();
    mark(false);
    collectDropped(event.dataTransfer).then((found) => add(...found), showError);
  });
}

/** All files that were dropped, and the pictures within folders; how many others were there. */
async function collectDropped(transfer) {
  // Entries and files are to be downloaded before the first wait: they are gone afterwards.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const files = [...transfer.files];
  const folders = entries.filter((entry) => entry.isDirectory);
  if (!folders.length) return [files];
  const single = await Promise.all(entries.filter((entry) => entry.isFile).map(collectEntry));
  const [pictures, left] = keepImages((await Promise.all(folders.map(collectEntry))).flat());
  return [[...single.flat(), ...pictures], left];
}

async function collectEntry(entry) {
  if (entry.isDirectory && entry.name.startsWith(".")) return [];
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const found = [];
  for await (const child of readFolder(entry.createReader())) found.push(await collectEntry(child));
  return found.flat();
}

/** A folder tells its files in portions, until one is empty. */
async function* readFolder(reader) {
  for (;;) {
    const portion = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!portion.length) return;
    yield* portion;
  }
}

async function initSamples(api, choose) {
  const names = await api.ask("/samples", {}, (answer) => answer.json()).catch(() => []);
  document.querySelector("#samples").hidden = !names.length;
  const list = document.querySelector("#samples ul");
  list.replaceChildren(...names.map((name) => createSampleButton(name, choose)));
}

function createSampleButton(name, choose) {
  const template = document.querySelector("#sample");
  const item = template.content.firstElementChild.cloneNode(true);
  const button = item.querySelector("button");
  button.dataset.label = `sample.${name}`;
  button.setAttribute("aria-label", t(`sample.${name}`));
  button.title = t(`sample.${name}`);
  item.querySelector("img").src = `/samples/small/${name}.jpg`;
  button.addEventListener("click", () => choose(name));
  return item;
}

async function fetchSample(api, name) {
  const content = await api.ask(`/samples/${name}.jpg`, {}, (answer) => answer.blob());
  return new File([content], `${name}.jpg`, { type: "image/jpeg" });
}
