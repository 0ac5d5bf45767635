// Drafts of the labelling room: every change is kept and seen to be kept, and the case stays the rater's while one works.
(() => {
  "use strict";

  const { $ } = window.evalplatform.sheet;
  const IDLE = 15 * 60 * 1000;
  const SIGNED_OUT = "you are signed out. Sign in in another tab; your answers stay here";

  let draft = null; // of the case on screen: {form, at, timer, dirty, sending, lost, active}
  let lease = null; // when it ends, in this page's clock
  let ahead = null; // the address of the case that was fetched ahead, whose lease is renewed as well

  const post = (url, body = null, extra = {}) =>
    fetch(url, {
      method: "POST",
      body,
      headers: { "X-CSRFToken": token(), "HX-Request": "true", Accept: "application/json, text/html" },
      credentials: "same-origin",
      redirect: "manual",
      ...extra,
    });
  const token = () => $("input[name='csrfmiddlewaretoken']")?.value ?? JSON.parse(document.body.getAttribute("hx-headers") || "{}")["X-CSRFToken"] ?? "";
  const isSignedOut = (answer) => answer.type === "opaqueredirect";

  const say = (text, isBad = false) => {
    const line = $("[data-saved]");
    if (!line) return;
    // Only a failure is spoken: "Saved" after each key would talk over everything else.
    line.setAttribute("aria-live", isBad ? "assertive" : "off");
    line.textContent = text;
    line.classList.toggle("is-bad", isBad);
  };
  const save = async (extra) => {
    const mine = draft;
    if (!mine || mine.sending || mine.isHeld) return;
    clearTimeout(mine.timer);
    mine.dirty = false;
    mine.sending = true;
    say("Saving…");
    const { problem, again, lease: left } = await keep(mine, extra);
    if (mine !== draft) return;
    mine.sending = false;
    if (problem) {
      mine.dirty = again;
      say(`Not saved: ${problem}`, true);
      if (again) mine.timer = setTimeout(save, 4000);
      return;
    }
    setLease(left);
    if (mine.dirty) save();
    else say(`Saved ${new Date().toLocaleTimeString([], { hour12: false })}`);
  };
  // What became of one request to keep the draft: {problem, again} or {lease}.
  const keep = async (mine, extra) => {
    try {
      const answer = await post(`${mine.at}draft/`, new URLSearchParams(new FormData(mine.form)), extra);
      if (isSignedOut(answer)) return { problem: SIGNED_OUT, again: true };
      if (answer.ok) return { lease: (await answer.json()).lease };
      if (answer.status === 403) return { problem: "this page is too old. Copy your comment and reload" };
      if (answer.status >= 500 || answer.status === 429) return { problem: "the server can't take it now; trying again", again: true };
      return { problem: (await answer.json().catch(() => ({}))).said || "the server refused it; reload the page" };
    } catch {
      return { problem: "no connection; trying again", again: true };
    }
  };
  const changed = () => {
    if (!draft) return;
    draft.dirty = true;
    draft.isHeld = false;
    draft.active = Date.now();
    clearTimeout(draft.timer);
    draft.timer = setTimeout(save, 400);
  };

  // ---- the lease: renewed each minute while the page is seen and used; else the case goes back to the queue

  const setLease = (seconds) => {
    lease = typeof seconds === "number" ? Date.now() + seconds * 1000 : null;
    if (draft) draft.lost = lease === null;
    showLease();
  };
  const showLease = () => {
    const line = $("[data-lease-line]");
    if (!line) return;
    if (!draft) return void (line.textContent = "");
    const left = lease === null ? 0 : Math.round((lease - Date.now()) / 60000);
    line.classList.toggle("is-late", draft.lost || left < 3);
    if (draft.lost) line.textContent = "Taken by another rater; your answers are kept, and you can still submit while a place is free";
    else if (left > 0) line.textContent = `Yours for ${left} min`;
    else line.textContent = "Your time on this case has run out; go on working to renew it";
  };
  const beat = async () => {
    const mine = draft;
    if (!mine || document.hidden || mine.lost || $("dialog#pause[open]") || Date.now() - mine.active > IDLE) return;
    try {
      const answer = await post(`${mine.at}heartbeat/`);
      if (mine === draft && answer.ok) setLease((await answer.json()).lease);
      if (ahead) await post(`${ahead}heartbeat/`);
    } catch {
      // The next change says that there is no connection; a missed beat alone loses nothing.
    }
  };

  // ---- starting with a case, and leaving it

  const start = (form, { seconds, kept }) => {
    stop();
    draft = { form, at: form.getAttribute("action"), timer: 0, dirty: false, sending: false, lost: false, active: Date.now() };
    say(kept ? "Draft, as you left it" : "");
    setLease(seconds);
  };
  const stop = () => {
    if (draft) clearTimeout(draft.timer);
    draft = null;
    say("");
    showLease();
  };
  // Before the case is put aside: what has not been kept yet is kept now.
  const flush = async () => {
    if (draft?.dirty) await save();
  };

  document.addEventListener("change", (event) => draft?.form.contains(event.target) && changed());
  document.addEventListener("input", (event) => draft?.form.contains(event.target) && event.target.matches("[data-text]") && changed());
  for (const name of ["keydown", "pointerdown", "scroll"])
    document.addEventListener(name, () => { if (draft) draft.active = Date.now(); }, { passive: true, capture: true });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden && draft?.dirty) save({ keepalive: true });
    else if (!document.hidden) beat();
  });
  addEventListener("beforeunload", (event) => draft?.dirty && event.preventDefault());
  setInterval(beat, 60_000);
  setInterval(showLease, 15_000);

  window.evalplatform.drafts = {
    post, isSignedOut, start, stop, flush, changed, beat,
    watchAhead: (at) => { ahead = at; },
    // What a submit carries is newer than any draft that still waits.
    hold: () => {
      if (!draft) return;
      clearTimeout(draft.timer);
      draft.isHeld = true;
    },
  };
})();
