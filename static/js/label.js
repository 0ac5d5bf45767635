// Questions answered by keyboard, on every page that has a sheet: the labelling room, adjudication, one case.
// The room adds its own keys and rules through window.evalplatform.sheet.
(() => {
  "use strict";

  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const sheet = () => $("form[data-sheet]");
  const questions = () => $$("fieldset[data-criterion]", sheet() ?? undefined).filter((one) => sheet()?.contains(one));
  const isAnswered = (question) => Boolean($("input[type='radio']:checked", question));
  // A closed <details> lays its content out all the same.
  const isVisible = (element) => element.checkVisibility?.() ?? element.getClientRects().length > 0;
  // What a page adds: keys ("c", "shift+2", "["), rules that a submit must pass, and who is asked first.
  const added = { keys: {}, rules: () => [], first: () => false, submit: null };

  // ---- the question in focus: where the focus is, else the first without an answer, else the last that was touched

  let touched = null;
  const focused = () => questions().find((one) => one.contains(document.activeElement));
  const current = () => {
    const all = questions();
    return focused() ?? all.find((one) => !isAnswered(one)) ?? all.find((one) => one === touched) ?? all[0];
  };
  const mark = () => {
    touched = focused() ?? touched;
    const one = current();
    for (const question of questions()) question.classList.toggle("is-current", question === one);
  };
  const focusQuestion = (question) => {
    if (!question) return;
    // An open question is focused as a whole: a ring around its first answer would suggest that answer.
    question.tabIndex = -1;
    ($("input:checked", question) ?? question).focus({ preventScroll: true });
    question.scrollIntoView({ block: "nearest" });
    mark();
  };
  const choose = (question, radio) => {
    radio.checked = true;
    radio.focus();
    radio.dispatchEvent(new Event("change", { bubbles: true }));
    const all = questions();
    const after = all.slice(all.indexOf(question) + 1);
    const next = after.find((one) => !isAnswered(one)) ?? all.find((one) => !isAnswered(one));
    if (next) focusQuestion(next);
    else $("button[type='submit']", sheet())?.focus({ preventScroll: true });
    mark();
  };

  // ---- submitting: what is missing is said here, before the server has to

  // The first thing that keeps the sheet from being submitted: {element, go}; null when nothing does.
  const gaps = () => {
    const open = questions().filter((one) => !isAnswered(one));
    const more = added.rules();
    const said = more.map((rule) => rule.text);
    if (open.length) said.unshift(open.length === 1 ? "One question has no answer yet." : `${open.length} questions have no answer yet.`);
    for (const one of questions()) one.classList.toggle("has-error", open.includes(one) || more.some((rule) => rule.question === one));
    const line = $("[data-gaps]");
    if (line) {
      line.hidden = !said.length;
      if (line.textContent !== said.join(" ")) line.textContent = said.join(" ");
    }
    if (open.length) return () => focusQuestion(open[0]);
    return more.length ? more[0].go : null;
  };
  const submit = () => {
    const form = sheet();
    if (!form) {
      const on = $("form[data-keep]") ?? $("[data-go-on]");
      if (on?.matches("form")) on.requestSubmit();
      else on?.click();
      return;
    }
    if (!isVisible(form)) return;
    const go = gaps();
    if (go) go();
    else form.requestSubmit();
  };

  // ---- keys

  const isTyping = (target) =>
    target.matches?.("textarea, select, input:not([type='radio'], [type='checkbox'], [type='submit'], [type='button'])") || target.isContentEditable;
  // The letter on the key, or on a keyboard of another script the letter of its place.
  const letter = (event) =>
    /^[a-z]$/i.test(event.key) ? event.key.toLowerCase() : event.code?.startsWith("Key") ? event.code.slice(3).toLowerCase() : "";
  const digit = (event) => (/^(Digit|Numpad)\d$/.test(event.code ?? "") ? event.code.slice(-1) : "");

  const openGuideline = () => {
    const dialog = $("#guideline");
    if (!dialog) return;
    const key = current()?.dataset.key;
    for (const clause of $$("[data-clause]", dialog)) clause.classList.toggle("is-current", clause.dataset.clause === key);
    dialog.showModal();
    const clause = $(".is-current", dialog);
    clause?.scrollIntoView({ block: "start" });
    clause?.focus({ preventScroll: true });
  };
  // A case behind its notice is opened first; then the key masks the text and shows it.
  const mask = () => {
    const text = $("[data-case]");
    if (!text) return;
    const notice = $("details.content-notice:not([open])", text);
    if (notice) return void (notice.open = true);
    const on = text.classList.toggle("is-masked");
    // The server reads it, so that the next case comes masked from the start.
    document.cookie = `mask=${on ? 1 : 0}; path=/; max-age=31536000; SameSite=Lax`;
    for (const button of $$("[data-act='mask']")) button.setAttribute("aria-pressed", String(on));
  };

  // ---- from block to block of a case, and to the end of a long one

  const blocks = () => $$("[data-case] [data-field]").filter(isVisible);
  const toBlock = (block) => {
    if (!block) return;
    block.closest(".turn").scrollIntoView({ block: "start" });
    if (!block.hasAttribute("tabindex")) block.tabIndex = -1;
    block.focus({ preventScroll: true });
  };
  const blockNow = () => {
    const all = blocks();
    const here = all.findIndex((one) => one.contains(document.activeElement));
    if (here >= 0) return here;
    const top = 120; // below the page's bars
    return all.findLastIndex((one) => one.closest(".turn").getBoundingClientRect().top <= top);
  };
  const stepBlock = (by) => {
    const all = blocks();
    toBlock(all[Math.max(0, Math.min(all.length - 1, blockNow() + by))]);
  };
  const blockEnd = (button) => {
    const text = $("[data-field]", button.closest(".turn"));
    if (!text) return;
    const atEnd = text.scrollTop + text.clientHeight >= text.scrollHeight - 4;
    text.scrollTop = atEnd ? 0 : text.scrollHeight;
    button.textContent = atEnd ? "To its end" : "To its start";
    text.focus({ preventScroll: true });
  };

  const ACTS = {
    mask,
    guideline: openGuideline,
    "block-before": () => stepBlock(-1),
    "block-after": () => stepBlock(1),
    "block-last": () => toBlock(blocks().at(-1)),
    "block-end": blockEnd,
  };

  const onKey = (event) => {
    const target = event.target;
    if (event.defaultPrevented || event.isComposing) return;
    if (isTyping(target)) {
      if (event.key === "Escape" && sheet()?.contains(target)) leaveBox(event, target);
      return;
    }
    if (!sheet() && !$("form[data-keep]") && !$("[data-case]") && !$("[data-go-on]")) return;
    if (!$("dialog[open]") && added.first(event)) return void event.preventDefault();
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const dialog = $("dialog[open]");
    if (dialog) {
      if (event.key === "?" && dialog.id === "key-sheet") dialog.close();
      if (letter(event) === "g" && dialog.id === "guideline") dialog.close();
      if (letter(event) === "p" && dialog.id === "pause" && !event.repeat) added.keys.p?.(event);
      return;
    }
    if (act(event, target)) event.preventDefault();
  };
  // Out of a text box by Escape: on to the button, from where every key acts again.
  const leaveBox = (event, target) => {
    event.preventDefault();
    if (target.matches("select")) event.stopPropagation();
    target.blur();
    $("button[type='submit']", sheet())?.focus({ preventScroll: true });
    mark();
  };
  const act = (event, target) => {
    if (event.key === "?") return $("#key-sheet")?.showModal(), true;
    if (event.key === "Enter") {
      if (event.repeat || target.closest?.("a, button, summary, [role='button']")) return false;
      return submit(), true;
    }
    if (event.key === "/" && $("[data-comment]")) return $("[data-comment]").focus(), true;
    if (event.key === "[" || event.key === "]") return stepBlock(event.key === "[" ? -1 : 1), true;
    const place = digit(event);
    if (place && !event.shiftKey) {
      const question = questions().find((one) => one.dataset.criterion === place);
      return question ? (focusQuestion(question), true) : false;
    }
    const pressed = place ? `shift+${place}` : letter(event);
    if (!pressed || event.repeat) return false;
    // A scale of the question in focus comes before a key of the page; the page's before other scales.
    if (answer(focused() ?? (document.activeElement === document.body ? current() : null), pressed)) return true;
    if (added.keys[pressed]) return added.keys[pressed](event), true;
    if (answer(current(), pressed)) return true;
    if (pressed === "b") return mask(), true;
    if (pressed === "g" && $("[data-act='guideline']")) return $("[data-act='guideline']").click(), true;
    return false;
  };
  const answer = (question, pressed) => {
    const radio = question && $$("input[data-key]", question).find((one) => one.dataset.key === pressed);
    return radio && isVisible(question) ? (choose(question, radio), true) : false;
  };

  document.addEventListener("keydown", onKey);
  document.addEventListener("focusin", mark);
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-act]");
    if (!button || !ACTS[button.dataset.act]) return;
    if (button.matches("a") && (event.ctrlKey || event.metaKey || event.shiftKey)) return; // in a new tab
    event.preventDefault();
    ACTS[button.dataset.act](button);
  });
  document.addEventListener("change", (event) => {
    if (sheet()?.contains(event.target) && !$("[data-gaps]")?.hidden) gaps();
  });
  // A click on the button is checked like Enter is; the server checks again.
  addEventListener("submit", (event) => {
    if (event.target !== sheet()) return;
    const go = gaps();
    if (!go && !added.submit) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (go) go();
    else added.submit(event.target);
  }, true);
  // Pages whose answer is swapped in by htmx (adjudication): a sign-in page never takes the place of what was typed.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, target } = event.detail;
    if (target?.id !== "work") return;
    if (!/<div id="work"/.test(xhr.responseText)) {
      if (xhr.status >= 400) return;
      event.detail.shouldSwap = false;
      window.evalplatform?.toast("You are signed out. Sign in in another tab, then send this again; your answers are still here.", "bad");
    } else if (xhr.status === 409) {
      event.detail.shouldSwap = true;
      event.detail.isError = false;
    }
  });
  document.addEventListener("htmx:afterSettle", mark);
  addEventListener("pageshow", mark);

  window.evalplatform.sheet = {
    $, $$, added, acts: ACTS, form: sheet, questions, current, focused, focusQuestion, gaps, mark, isAnswered, isVisible, isTyping, letter, digit,
  };
})();
