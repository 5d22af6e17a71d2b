/** A row of tabs, as the ARIA practices have them. */

/**
 * @param {HTMLElement} row with role tablist
 * @param {(name: string) => void} chosen is called with the `data-name` of a tab
 * @returns {(name: string) => void} shows a tab as chosen
 */
export function initTabs(row, chosen) {
  const tabs = [...row.querySelectorAll("[role=tab]")];

  function show(name) {
    for (const tab of tabs) {
      const isChosen = tab.dataset.name === name;
      tab.setAttribute("aria-selected", String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
      document.querySelector(`#${tab.getAttribute("aria-controls")}`).hidden = !isChosen;
    }
  }

  row.addEventListener("click", ({ target }) => {
    const tab = target.closest("[role=tab]");
    if (tab) chosen(tab.dataset.name);
  });
  row.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    const at = tabs.indexOf(document.activeElement) + step;
    const tab = tabs[(at + tabs.length) % tabs.length];
    tab.focus();
    chosen(tab.dataset.name);
    event.preventDefault();
  });
  return show;
}
