/** A tab list by the ARIA authoring practices. */

import { find, targetOf } from "./dom.js";

/**
 * @param {HTMLElement} list with role `tablist`
 * @param {(name: string) => void} onSelect is called with the `data-name` of a tab
 * @returns {(name: string) => void} shows a tab
 */
export function initTabs(list, onSelect) {
  /** @type {HTMLElement[]} */
  const tabs = Array.from(list.querySelectorAll("[role=tab]"));

  /** @param {string} name */
  function show(name) {
    for (const tab of tabs) {
      const isSelected = tab.dataset.name === name;
      tab.setAttribute("aria-selected", String(isSelected));
      tab.tabIndex = isSelected ? 0 : -1;
      find(`#${tab.getAttribute("aria-controls")}`).hidden = !isSelected;
    }
  }

  list.addEventListener("click", (event) => {
    const tab = tabs.find((one) => one.contains(targetOf(event)));
    if (tab) onSelect(tab.dataset.name ?? "");
  });
  list.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    const at = tabs.findIndex((tab) => tab === document.activeElement) + step;
    const tab = tabs[(at + tabs.length) % tabs.length];
    tab.focus();
    onSelect(tab.dataset.name ?? "");
    event.preventDefault();
  });
  return show;
}
