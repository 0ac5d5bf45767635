// Keys of the evidence inbox: J and K go through the patterns, A accepts, E edits, R rejects.
(() => {
  "use strict";
  const cards = () => [...document.querySelectorAll("[data-proposal]")];
  const here = () => document.activeElement?.closest("[data-proposal]");
  const step = (by) => {
    const all = cards();
    if (!all.length) return;
    const at = all.indexOf(here());
    const card = all[at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + by))];
    card.focus();
    card.scrollIntoView({ block: "start" });
  };
  const edit = (card) => {
    const words = card?.querySelector("form.accept textarea");
    words?.focus();
    words?.setSelectionRange(words.value.length, words.value.length);
  };
  const reject = (card) => {
    const box = card?.querySelector("details.reject");
    if (!box) return;
    box.open = true;
    box.querySelector("textarea").focus();
  };
  // Without words there is nothing to accept: the browser points at the empty box.
  const accept = (card) => card?.querySelector("[data-accept]")?.click();
  const ACTS = { j: () => step(1), k: () => step(-1), a: accept, e: edit, r: reject };

  addEventListener("click", (event) => {
    const button = event.target.closest("[data-edit]");
    if (button) edit(button.closest("[data-proposal]"));
  });
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) {
      if (event.key === "Escape") here()?.focus();
      return;
    }
    const act = ACTS[event.key.toLowerCase()];
    if (!act || event.repeat) return;
    event.preventDefault();
    act(here());
  });
  // The first pattern is in focus from the start, unless a form has something to mend.
  if (!document.querySelector(".errorlist")) cards()[0]?.focus({ preventScroll: true });
})();
