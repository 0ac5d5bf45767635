// Labelling and adjudicating by keyboard; drafts that are seen to be saved; a lease that is kept while one works.
(() => {
  "use strict";

  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const sheet = () => $("form[data-sheet]");
  const questions = () => $$("fieldset[data-criterion]", sheet() ?? undefined).filter((one) => sheet()?.contains(one));
  const isAnswered = (question) => Boolean($("input[type='radio']:checked", question));
  const isVisible = (element) => element.getClientRects().length > 0;

  // ---- the question in focus: where the focus is, else the first without an answer

  const current = () => {
    const all = questions();
    return all.find((one) => one.contains(document.activeElement)) ?? all.find((one) => !isAnswered(one)) ?? all[0];
  };
  const mark = () => {
    const one = current();
    for (const question of questions()) question.classList.toggle("is-current", question === one);
  };
  const focusQuestion = (question) => {
    if (!question) return;
    ($("input:checked", question) ?? $("input", question))?.focus();
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
    else $("button[type='submit']", sheet())?.focus();
    mark();
  };

  // ---- submitting: what lacks an answer is said here, before the server has to

  const gaps = () => {
    const open = questions().filter((one) => !isAnswered(one));
    const line = $("[data-gaps]");
    for (const one of questions()) one.classList.toggle("has-error", open.includes(one));
    if (line) {
      line.hidden = !open.length;
      line.textContent = open.length === 1 ? "One question has no answer yet." : open.length ? `${open.length} questions have no answer yet.` : "";
    }
    return open;
  };
  const submit = () => {
    const form = sheet();
    if (!form) return void $("form[data-keep]")?.requestSubmit();
    if (!isVisible(form)) return;
    const open = gaps();
    if (open.length) focusQuestion(open[0]);
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
    clause?.scrollIntoView({ block: "nearest" });
    clause?.focus({ preventScroll: true });
  };
  const mask = () => {
    const text = $("[data-case]");
    if (!text) return;
    const on = text.classList.toggle("is-masked");
    // The server reads it, so that the next case comes masked from the start.
    document.cookie = `mask=${on ? 1 : 0}; path=/; max-age=31536000; SameSite=Lax`;
    for (const button of $$("[data-act='mask']")) button.setAttribute("aria-pressed", String(on));
  };
  const ACTS = { mask, guideline: openGuideline };

  const onKey = (event) => {
    const target = event.target;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (isTyping(target)) {
      if (event.key === "Escape" && target.matches("[data-comment]")) target.blur();
      return;
    }
    if (!sheet() && !$("form[data-keep]") && !$("[data-case]")) return;
    const dialog = $("dialog[open]");
    if (dialog) {
      if (event.key === "?" && dialog.id === "key-sheet") dialog.close();
      if (letter(event) === "g" && dialog.id === "guideline") dialog.close();
      return;
    }
    if (act(event, target)) event.preventDefault();
  };
  const act = (event, target) => {
    if (event.key === "?") return $("#key-sheet")?.showModal(), true;
    if (event.key === "Enter") {
      if (event.repeat || target.closest?.("a, button, summary, [role='button']")) return false;
      return submit(), true;
    }
    if (event.key === "/" && $("[data-comment]")) return $("[data-comment]").focus(), true;
    const place = digit(event);
    if (place && !event.shiftKey) {
      const question = questions().find((one) => one.dataset.criterion === place);
      return question ? (focusQuestion(question), true) : false;
    }
    const pressed = place ? `shift+${place}` : letter(event);
    if (!pressed || event.repeat) return false;
    const question = current();
    const radio = question && $$("input[data-key]", question).find((one) => one.dataset.key === pressed);
    if (radio && isVisible(question)) return choose(question, radio), true;
    if (pressed === "b") return mask(), true;
    if (pressed === "g" && $("#guideline")) return openGuideline(), true;
    return false;
  };

  // ---- drafts: every change is kept, one request at a time, and the page says so

  let draft = null; // of the sheet on screen: {form, timer, dirty, sending, retry}
  const say = (text, isBad = false) => {
    const line = $("[data-saved]");
    if (!line) return;
    line.textContent = text;
    line.classList.toggle("is-bad", isBad);
  };
  const post = (url, form, extra = {}) =>
    fetch(url, {
      method: "POST",
      body: form ? new URLSearchParams(new FormData(form)) : null,
      headers: { "X-CSRFToken": $("input[name='csrfmiddlewaretoken']")?.value ?? "", Accept: "application/json" },
      credentials: "same-origin",
      redirect: "manual",
      ...extra,
    });
  const save = async (extra) => {
    const mine = draft;
    if (!mine || mine.sending) return;
    clearTimeout(mine.timer);
    mine.dirty = false;
    mine.sending = true;
    say("Saving…");
    let problem = "";
    let again = false;
    try {
      const answer = await post(mine.form.dataset.draft, mine.form, extra);
      if (mine !== draft) return;
      if (answer.type === "opaqueredirect") [problem, again] = ["you are signed out. Sign in in another tab; your answers stay here", true];
      else if (answer.ok) setLease((await answer.json()).lease);
      else if (answer.status === 403) problem = "this page is too old. Copy your comment and reload";
      else if (answer.status >= 500 || answer.status === 429) [problem, again] = ["the server can't take it now; trying again", true];
      else problem = (await answer.json().catch(() => ({}))).said || "the server refused it; reload the page";
    } catch {
      [problem, again] = ["no connection; trying again", true];
    }
    if (mine !== draft) return;
    mine.sending = false;
    if (problem) {
      mine.dirty = again;
      say(`Not saved: ${problem}`, true);
      if (again) mine.timer = setTimeout(save, 4000);
    } else if (mine.dirty) save();
    else say(`Saved ${new Date().toLocaleTimeString([], { hour12: false })}`);
  };
  const changed = () => {
    if (!draft) return;
    draft.dirty = true;
    draft.active = Date.now();
    clearTimeout(draft.timer);
    draft.timer = setTimeout(save, 400);
  };

  // ---- the lease: renewed each minute while the page is seen and used; else the case goes back to the queue

  const IDLE = 15 * 60 * 1000;
  let lease = null; // when it ends, in this page's clock
  const setLease = (seconds) => {
    lease = typeof seconds === "number" ? Date.now() + seconds * 1000 : null;
    if (lease === null && draft) draft.lost = true;
    showLease();
  };
  const showLease = () => {
    const line = $("[data-lease]");
    if (!line || !draft) return;
    const left = lease === null ? 0 : Math.round((lease - Date.now()) / 60000);
    const isLate = draft.lost || left < 3;
    line.classList.toggle("is-late", isLate);
    if (draft.lost) line.textContent = "Taken by another rater; your answers are kept, and you can still submit while a place is free";
    else if (left > 0) line.textContent = `Yours for ${left} min`;
    else line.textContent = "Your time on this case has run out; go on working to renew it";
  };
  const beat = async () => {
    const mine = draft;
    if (!mine || document.hidden || mine.lost || Date.now() - mine.active > IDLE) return;
    try {
      const answer = await post(mine.form.dataset.heartbeat, null);
      if (mine === draft && answer.ok) setLease((await answer.json()).lease);
    } catch {
      // The next change says that there is no connection; a missed beat alone loses nothing.
    }
  };

  // ---- starting, on the page and on each case that is swapped in

  const start = () => {
    const form = sheet();
    clearTimeout(draft?.timer);
    draft = form?.dataset.draft ? { form, timer: 0, dirty: false, sending: false, lost: false, active: Date.now() } : null;
    const left = $("[data-lease]")?.dataset.lease;
    if (draft && left) setLease(Number(left));
    mark();
  };
  const leave = () => {
    if (draft) clearTimeout(draft.timer);
    draft = null;
  };

  document.addEventListener("keydown", onKey);
  document.addEventListener("focusin", mark);
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-act]");
    if (button) ACTS[button.dataset.act]?.();
  });
  document.addEventListener("change", (event) => {
    if (!sheet()?.contains(event.target)) return;
    if (!$("[data-gaps]")?.hidden) gaps();
    changed();
  });
  document.addEventListener("input", (event) => event.target.matches?.("[data-comment]") && changed());
  for (const name of ["keydown", "pointerdown", "scroll"])
    document.addEventListener(name, () => { if (draft) draft.active = Date.now(); }, { passive: true });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden && draft?.dirty) save({ keepalive: true });
    else if (!document.hidden) beat();
  });
  addEventListener("beforeunload", (event) => draft?.dirty && event.preventDefault());
  setInterval(beat, 60_000);
  setInterval(showLease, 15_000);

  // A click on the button is checked like Enter is; the server checks again.
  addEventListener("submit", (event) => {
    if (event.target !== sheet()) return;
    const open = gaps();
    if (!open.length) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    focusQuestion(open[0]);
  }, true);
  document.addEventListener("htmx:beforeRequest", (event) => {
    // What the submit carries is newer than any draft that still waits.
    if (event.detail.elt === draft?.form) clearTimeout(draft.timer);
  });
  document.addEventListener("htmx:sendError", (event) => event.detail.elt === draft?.form && changed());
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, target } = event.detail;
    if (target?.id !== "work") return;
    if (!/<div id="work"/.test(xhr.responseText)) {
      // Signed out meanwhile: the sign-in page must not take the place of what was typed.
      if (xhr.status >= 400) return;
      event.detail.shouldSwap = false;
      window.evalplatform?.toast("You are signed out. Sign in in another tab, then send this again; your answers are still here.", "bad");
      return;
    }
    if (xhr.status === 409) {
      event.detail.shouldSwap = true;
      event.detail.isError = false;
    }
    leave();
  });
  document.addEventListener("htmx:afterSettle", () => { if (!draft) start(); });
  addEventListener("pageshow", start);
})();
