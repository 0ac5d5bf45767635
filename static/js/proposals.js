// Keys of the evidence inbox: J and K go through the patterns, A accepts, E edits, R rejects.
"use strict";
(() => {
  const cards = () => [...document.querySelectorAll("[data-proposal]")];
  const here = () => document.activeElement.closest("[data-proposal]");
  const step = (by) => {
    const all = cards();
    if (!all.length) return;
    const at = all.indexOf(here());
    all[Math.min(all.length - 1, Math.max(0, at + by))].focus();
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) {
      if (event.key === "Escape") here()?.focus();
      return;
    }
    const card = here();
    const acts = {
      j: () => step(1),
      k: () => step(-1),
      a: () => card?.querySelector("[data-accept]").click(),
      e: () => card?.querySelector("[data-edit]").focus(),
      r: () => card?.querySelector("[data-reason]").focus(),
    };
    const act = acts[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    act();
  });
})();
