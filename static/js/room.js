// The labelling room: one case on screen and the next one fetched ahead; submit, undo, pause, breaks, progress.
(() => {
  "use strict";

  const { sheet, spans, drafts, toast } = window.evalplatform;
  const { $, $$, added, acts } = sheet;
  const home = $("[data-room]");
  if (!home) return;
  const base = home.dataset.room;
  const work = $("#work");
  const SIGNED_OUT = "You are signed out. Sign in in another tab, then send this again; your answers are still here.";
  const SEVERE_FROM = 2;

  const say = (text) => {
    const line = $("[data-announcer]");
    if (line) line.textContent = text;
  };
  const get = (url) => fetch(url, { headers: { "HX-Request": "true" }, credentials: "same-origin", redirect: "manual" });
  const eventOf = (answer, name) => {
    try {
      return JSON.parse(answer.headers.get("HX-Trigger") ?? "{}")[name] ?? {};
    } catch {
      return {};
    }
  };
  // The server's own words about a refusal.
  const saidBy = async (answer) => {
    const text = await answer.text().catch(() => "");
    if ((answer.headers.get("Content-Type") ?? "").includes("json")) {
      try {
        return JSON.parse(text).said ?? "";
      } catch {
        return "";
      }
    }
    return new DOMParser().parseFromString(text, "text/html").querySelector("[data-said]")?.textContent.trim() ?? "";
  };
  const refuse = async (answer) => {
    if (drafts.isSignedOut(answer)) return void toast(SIGNED_OUT, "bad");
    const said = await saidBy(answer);
    toast(said || (answer.status === 403 ? "This page is too old. Copy your comment and reload it." : `The server failed (${answer.status}) and nothing was lost. Try again.`), "bad");
  };
  const offline = () => toast("No connection to the server. Check the network and try again; what you typed is still on this page.", "bad");
  const parse = (html) => {
    const box = document.createElement("template");
    box.innerHTML = html;
    return $(".task", box.content);
  };

  // ---- the case fetched ahead: asked for once, waited for, and asked for anew where it is too old

  let ahead = null; // {asked: Promise<{node, slot, until} | {nothing} | {failed}>, slot}
  const ask = async (query) => {
    try {
      const answer = await get(`${base}next/${query}`);
      if (answer.status === 204) return { nothing: true };
      if (!answer.ok) return { failed: answer };
      const node = parse(await answer.text());
      if (!node) return { failed: answer };
      return { node, slot: node.dataset.slot, until: Date.now() + Number(node.dataset.lease || 0) * 1000 };
    } catch {
      return { failed: null };
    }
  };
  const prefetch = (slot) => {
    const mine = { slot: "", asked: ask(`?after=${slot}`) };
    ahead = mine;
    mine.asked.then((found) => {
      if (ahead !== mine) return;
      mine.slot = found.slot ?? "";
      drafts.watchAhead(mine.slot ? `${base}${mine.slot}/` : null);
    });
  };
  const dropAhead = () => {
    const slot = ahead?.slot ?? "";
    ahead = null;
    drafts.watchAhead(null);
    return slot;
  };
  // What comes next, without a second request where the first is on its way or has come.
  const takeNext = async () => {
    const waiting = ahead;
    dropAhead();
    const found = await waiting?.asked;
    if (found?.node && (!found.slot || found.until > Date.now() + 5000)) return found;
    return ask("");
  };
  const showNext = async () => {
    // A page of its own (a reveal or feedback that was reloaded) has no bars and dialogs: back to the room.
    if (!$("[data-nothing]")) return location.assign(base);
    work.setAttribute("aria-busy", "true");
    const found = await takeNext();
    work.removeAttribute("aria-busy");
    if (found.node) return show(found.node);
    if (found.nothing) return show($("[data-nothing]")?.content.cloneNode(true).querySelector(".task") ?? null);
    const more = document.createElement("div");
    more.className = "task task-break";
    more.dataset.slot = "";
    const card = Object.assign(document.createElement("section"), { className: "card" });
    const title = Object.assign(document.createElement("h1"), { textContent: "The next case did not come", tabIndex: -1 });
    title.dataset.focus = "";
    const words = Object.assign(document.createElement("p"), { textContent: "What you submitted is safe. Check the network, then try again." });
    const again = Object.assign(document.createElement("button"), { type: "button", textContent: "Try again" });
    again.dataset.goOn = "";
    card.append(title, words, again);
    more.append(card);
    show(more);
    if (found.failed && drafts.isSignedOut(found.failed)) toast("You are signed out. Sign in in another tab, then try again.", "bad");
  };

  // ---- a case on screen

  let task = null;
  let lead = ""; // what is said before the next case is named
  const form = () => sheet.form();
  const show = (node) => {
    leave();
    if (!node) return location.assign(base);
    // It may have been fetched before the mask was put on or taken off.
    $("[data-case]", node)?.classList.toggle("is-masked", /(^|; )mask=1(;|$)/.test(document.cookie));
    work.replaceChildren(document.adoptNode(node));
    window.htmx?.process(work);
    scrollTo(0, 0);
    begin(true);
  };
  const leave = () => {
    spans.stop();
    drafts.stop();
    for (const dialog of $$("dialog[open]", home)) if (dialog.id !== "pause") dialog.close();
  };
  const json = (id) => JSON.parse($(`#${id}`, task)?.textContent ?? "{}");
  const begin = (isSwapped) => {
    task = $(".task", work);
    if (!task) return;
    for (const bare of $$("[data-saved], [data-lease-line], [data-act='pause']", home)) bare.classList.toggle("is-idle", !task.dataset.slot);
    if (task.dataset.slot && form()) beginCase();
    else countBreak();
    sheet.mark();
    const error = $("[data-error]", task);
    if (error) error.focus();
    else if (isSwapped && form()) sheet.focusQuestion(sheet.questions()[0]);
    else if (isSwapped) $("[data-focus]", task)?.focus();
    if (isSwapped && form()) {
      scrollTo(0, 0);
      say(`${lead}${$("h1", task)?.textContent ?? "Next case"}. ${$(".content-notice-title", task) ? "It is behind a content notice: B opens it." : ""}`);
    }
    lead = "";
  };
  const beginCase = () => {
    const kept = json("task-draft");
    const prefilled = json("task-prefilled");
    fill(kept, prefilled);
    const names = Object.fromEntries(sheet.questions().map((one) => [one.dataset.key, { number: one.dataset.criterion, name: $("[data-name]", one).textContent }]));
    spans.start(
      {
        root: $("[data-case]", task), list: $("[data-span-list]", task), field: form().elements.spans, names, say,
        target: () => sheet.current()?.dataset.key ?? Object.keys(names)[0],
        changed: () => { drafts.changed(); recheck(); },
        mode: showMode,
        back: () => sheet.focusQuestion(sheet.current()),
      },
      kept.details?.spans ?? [],
      $$("[data-evidence]", task).map(({ dataset: d }) => ({ criterion: d.criterion, part: d.part, start: Number(d.start), end: Number(d.end) })),
    );
    // A draft that was prefilled counts as one: what the AI filled in is kept like any answer once it is touched.
    drafts.start(form(), { seconds: task.dataset.lease === "" ? null : Number(task.dataset.lease), kept: "kept" in task.dataset });
    follow();
    prefetch(task.dataset.slot);
    const guide = $("[data-guideline-name]");
    if (guide) guide.textContent = `Guideline v${task.dataset.rubric}`;
  };
  const fill = (kept, prefilled) => {
    const fields = form().elements;
    const check = (name, value) => {
      const found = $$("input", form()).find((one) => one.name === name && one.value === String(value));
      if (found) found.checked = true;
      return found;
    };
    for (const [key, word] of Object.entries(prefilled)) {
      if (kept.words?.[key]) continue;
      const legend = check(`answer-${key}`, word)?.closest("fieldset").querySelector("legend");
      const badge = Object.assign(document.createElement("span"), { className: "badge tone-info", textContent: "filled in by the AI" });
      badge.dataset.filled = "";
      legend?.append(" ", badge);
    }
    for (const [key, word] of Object.entries(kept.words ?? {})) check(`answer-${key}`, word);
    if (kept.confidence) check("confidence", kept.confidence);
    const details = kept.details ?? {};
    if (details.severity !== undefined && details.severity !== null) check("severity", details.severity);
    if (details.context_dependence) check("context_dependence", details.context_dependence);
    for (const word of details.quality ?? []) check("quality", word);
    if (details.gap) fields.gap.checked = true;
    for (const name of ["deciding_fact", "gap_note"]) if (details[name]) fields[name].value = details[name];
    fields.comment.value = kept.comment ?? "";
    (details.effects ?? []).forEach((row, place) => {
      for (const [name, word] of Object.entries(row)) {
        const field = fields[`effect-${place + 1}-${name}`];
        if (field) field.value = word;
      }
    });
  };

  // ---- what depends on other fields: effects at severity 2, the words beside what is folded, the clear buttons

  const severity = () => Number(form()?.elements.severity?.value || -1);
  const follow = () => {
    if (!task || !form()) return;
    const said = (name, words) => { $(`[data-said-of='${name}']`, task).textContent = words ? ` ${words}` : ""; };
    const labels = (name) => $$(`input[name='${name}']:checked`, form()).map((one) => one.parentElement.textContent.trim());
    said("context_dependence", labels("context_dependence")[0]);
    said("quality", labels("quality").join(", "));
    said("effects", $$("select[name$='-who']", form()).filter((one) => one.value).map((one) => one.selectedOptions[0].textContent).join(", "));
    for (const button of $$("[data-clear]", form())) button.hidden = !$(`input[name='${button.dataset.clear}']:checked`, form());
  };
  const open = (part) => {
    const box = $(`[data-part='${part}']`, task);
    if (box?.matches("details")) box.open = true;
    return box;
  };
  const isCaseReadable = () => $$("[data-case] [data-field]", task).some((one) => one.textContent.trim());
  // As annotations/details.py has it; the server checks again.
  const rules = () => {
    if (!task || !form()) return [];
    const found = [];
    if (severity() >= SEVERE_FROM && isCaseReadable()) {
      const marked = new Set(spans.all().map((one) => one.criterion));
      for (const question of sheet.questions()) {
        if (!$("input[data-positive]:checked", question) || marked.has(question.dataset.key)) continue;
        found.push({ text: `“${$("[data-name]", question).textContent}”: mark the passage that violates it (S), as the severity is 2 or more.`, question, go: () => sheet.focusQuestion(question) });
      }
    }
    for (const row of $$("[data-effect]", form())) {
      const [who, ...others] = $$("select", row);
      if (who.value || !others.some((one) => one.value)) continue;
      found.push({ text: "Say who bears the effect, or clear its row.", go: () => { open("effects"); who.focus(); } });
    }
    return found;
  };
  const recheck = () => { if (!$("[data-gaps]")?.hidden) sheet.gaps(); };
  const setSeverity = (value) => {
    const radio = $$("input[name='severity']", form()).find((one) => one.value === value);
    if (!radio) return;
    radio.checked = true;
    radio.dispatchEvent(new Event("change", { bubbles: true }));
    radio.closest("fieldset").scrollIntoView({ block: "nearest" });
    const words = radio.parentElement.textContent.trim();
    say(`Severity ${words}. ${severity() >= SEVERE_FROM ? "Mark what violates: S. Effects are open: E." : ""}`);
  };
  const openEffects = () => {
    open("effects");
    const empty = $$("select[name$='-who']", form()).find((one) => !one.value) ?? $("select[name$='-who']", form());
    empty.focus();
  };
  // The same key again goes on to the next box.
  const openQuality = () => {
    const boxes = $$("input", open("quality"));
    boxes[(boxes.indexOf(document.activeElement) + 1) % boxes.length].focus();
  };
  const openContext = () => {
    const box = open("context");
    ($("input[type='radio']:checked", box) ?? $("input[type='radio']", box)).focus();
  };
  const flagGap = () => {
    const { gap, gap_note: note } = form().elements;
    gap.checked = !gap.checked;
    gap.dispatchEvent(new Event("change", { bubbles: true }));
    if (gap.checked) note.focus();
    else gap.focus();
    say(gap.checked ? "Guideline gap flagged. Say what is missing, or press Escape." : "Guideline gap not flagged.");
  };
  const clear = (name) => {
    for (const one of $$(`input[name='${name}']`, form())) one.checked = false;
    const first = $(`input[name='${name}']`, form());
    first.dispatchEvent(new Event("change", { bubbles: true }));
    first.focus();
  };
  const showMode = (text) => {
    let line = $(".mode");
    if (!text) return void line?.remove();
    line ??= Object.assign(document.createElement("p"), { className: "mode" });
    line.setAttribute("aria-hidden", "true"); // said by the announcer
    line.textContent = `${text} · ⇧ extends · Enter marks · Delete removes · Esc leaves`;
    document.body.append(line);
  };

  // ---- submitting

  let isBusy = false;
  const once = async (what) => {
    if (isBusy) return;
    isBusy = true;
    work.setAttribute("aria-busy", "true");
    try {
      await what();
    } finally {
      isBusy = false;
      work.removeAttribute("aria-busy");
    }
  };
  const submit = (sent) => once(async () => {
    drafts.hold();
    const button = $("button[type='submit']", sent);
    button.setAttribute("aria-busy", "true");
    let answer;
    try {
      answer = await drafts.post(sent.getAttribute("action"), new URLSearchParams(new FormData(sent)));
    } catch {
      offline();
      drafts.changed();
      return;
    } finally {
      button.removeAttribute("aria-busy");
    }
    if (answer.status === 204) return taken(eventOf(answer, "submitted"));
    if (answer.status === 422 || answer.status === 409) return cameBack(answer);
    await refuse(answer);
    drafts.changed();
  });
  const taken = async (said) => {
    step(1);
    lead = "Submitted. ";
    // Who is shown the AI's answer does not take the own one back.
    openStrip(said.then ? { ...said, undo: 0 } : said);
    if (said.said) toast(said.said, "warn");
    if (said.then && (await showThen(said.then))) return;
    await showNext();
  };
  // With gaps, the same case again; taken by others, what was kept and the way on.
  const cameBack = async (answer) => {
    const node = parse(await answer.text());
    if (!node) return refuse(answer);
    const isSame = node.dataset.slot !== "";
    const kept = ahead;
    leave();
    work.replaceChildren(document.adoptNode(node));
    begin(true);
    if (isSame && kept) ahead = kept;
  };
  const showThen = async (url) => {
    try {
      const answer = await get(url);
      if (!answer.ok) return false;
      const node = parse(await answer.text());
      if (!node) return false;
      show(node);
      return true;
    } catch {
      return false;
    }
  };
  // A form of a page that comes between two cases (the AI's answer, feedback, a break).
  const between = (sent, submitter) => once(async () => {
    const body = new URLSearchParams(new FormData(sent, submitter));
    let answer;
    try {
      answer = await drafts.post(sent.getAttribute("action"), body);
    } catch {
      return offline();
    }
    if (answer.status === 422) {
      const node = parse(await answer.text());
      if (!node) return refuse(answer);
      return show(node);
    }
    if (answer.status === 204) return sent.matches("[data-break]") ? (dropAhead(), showNext()) : showNext();
    return refuse(answer);
  });
  const skip = (sent) => once(async () => {
    let answer;
    try {
      answer = await drafts.post(sent.getAttribute("action"), new URLSearchParams(new FormData(sent)));
    } catch {
      return offline();
    }
    if (answer.status === 422) return cameBack(answer);
    if (answer.status !== 204) return refuse(answer);
    closeStrip();
    toast("Skipped. It goes to somebody else.", "ok");
    await showNext();
  });

  // ---- the strip of the last submit: undo for a minute, precedents for as long as it stands

  let last = null; // {sheet, until, timer}
  const openStrip = ({ sheet: pk, undo }) => {
    closeStrip();
    const strip = $("[data-strip]");
    if (!strip) return;
    last = { sheet: pk, until: Date.now() + (undo ?? 0) * 1000, timer: setInterval(tick, 1000) };
    $("[data-act='precedents']", strip).hidden = !pk;
    strip.hidden = false;
    tick();
  };
  const tick = () => {
    const left = Math.ceil((last.until - Date.now()) / 1000);
    $("[data-act='undo']").hidden = left <= 0;
    $("[data-undo-left]").textContent = `${left} s`;
    if (left <= 0) clearInterval(last.timer);
  };
  const closeStrip = () => {
    if (last) clearInterval(last.timer);
    last = null;
    const strip = $("[data-strip]");
    if (strip) strip.hidden = true;
  };
  const undo = () => once(async () => {
    await drafts.flush();
    let answer;
    try {
      answer = await drafts.post(`${base}undo/`);
    } catch {
      return offline();
    }
    if (answer.status === 409) closeStrip();
    if (answer.status !== 204) return void toast((await saidBy(answer)) || "It can't be taken back any more.", "warn");
    closeStrip();
    step(-1);
    const { slot } = eventOf(answer, "undone");
    dropAhead(); // the case that was begun is kept as a draft, and comes again
    const found = await ask(`?slot=${slot}`);
    if (!found.node) return location.assign(base);
    show(found.node);
    say("Taken back. Your answers are here as you gave them; nothing is submitted until you submit again.");
  });
  const precedents = async () => {
    if (!last?.sheet) return;
    const dialog = $("#precedents");
    const box = $("[data-precedents]", dialog);
    box.textContent = "Loading…";
    dialog.showModal();
    try {
      const answer = await get(`${base}sheets/${last.sheet}/precedents/`);
      if (!answer.ok) throw new Error(answer.status);
      box.innerHTML = await answer.text();
    } catch {
      box.textContent = "They did not come. Close this and try again.";
      return;
    }
    // Who has looked at others' answers does not take the own one back.
    last.until = 0;
    tick();
  };

  // ---- pause, breaks, and the end

  const pause = async () => {
    const dialog = $("#pause");
    if (!dialog) return;
    if (dialog.open) return resume();
    if (!task?.dataset.slot) return;
    spans.closeBar();
    dialog.showModal();
    work.classList.add("is-away");
    await drafts.flush();
    const slot = dropAhead();
    try {
      await drafts.post(`${base}pause/`, new URLSearchParams(slot ? { ahead: slot } : {}));
    } catch {
      offline();
    }
  };
  const resume = async () => {
    const dialog = $("#pause");
    work.classList.remove("is-away");
    if (dialog.open) dialog.close();
    try {
      await drafts.post(`${base}resume/`);
    } catch {
      return offline();
    }
    if (task?.dataset.slot && !ahead) prefetch(task.dataset.slot);
    drafts.beat();
    sheet.focusQuestion(sheet.current());
  };
  let breakTimer = 0;
  const countBreak = () => {
    clearInterval(breakTimer);
    const until = Date.parse(task.dataset.until ?? "");
    const line = $("[data-break-left]", task);
    if (!line || Number.isNaN(until)) return;
    const mine = task;
    const count = () => {
      if (mine !== task || !mine.isConnected) return clearInterval(breakTimer);
      const left = Math.ceil((until - Date.now()) / 60000);
      line.textContent = left > 0 ? `, in ${left} min` : ", now";
      if (left > 0) return;
      clearInterval(breakTimer);
      const button = $("[data-break] button", mine);
      if (button) {
        button.textContent = "Go on";
        button.classList.remove("secondary");
      }
    };
    breakTimer = setInterval(count, 10_000);
    count();
  };
  let answered = 0; // in this visit
  const stop = (link) => {
    const dialog = $("#check-in");
    if (!dialog || !answered) return void away(link.href);
    dialog.showModal();
    const asked = $("fieldset", dialog);
    asked.tabIndex = -1;
    asked.focus();
  };
  const away = async (href) => {
    await drafts.flush();
    const slot = dropAhead();
    if (slot) await drafts.post(`${base}${slot}/release/`, null, { keepalive: true }).catch(() => null);
    location.assign(href);
  };
  const checkIn = (sent) => once(async () => {
    const leaving = $("[data-leave]", sent).href;
    if (new FormData(sent).get("strain")) {
      await drafts.post(sent.getAttribute("action"), new URLSearchParams(new FormData(sent))).catch(() => null);
    }
    await away(leaving);
  });

  // ---- progress: asked for on load and each minute, counted here in between

  let progress = null;
  const step = (by) => {
    if (by > 0) answered += by;
    if (!progress) return;
    progress.done += by;
    progress.waiting = Math.max(0, progress.waiting - by);
    showProgress();
  };
  const minutes = ({ minutes: middle, minutes_low: low, minutes_high: high }) => {
    if (middle === null || middle === undefined) return "time left not yet known";
    const hours = (n) => (n / 60).toFixed(1).replace(/\.0$/, "");
    const isLong = high >= 120;
    const [from, to] = isLong ? [hours(low), hours(high)] : [low, high];
    return `about ${from === to ? from : `${from} to ${to}`} ${isLong ? "h" : "min"} left`;
  };
  const showProgress = () => {
    const { done, waiting, waiting_is_at_least: isMore, exposure, exposure_cap: cap, break_in: breakIn } = progress;
    $("[data-pace]").textContent = `${done} of ${done + waiting}${isMore ? " or more" : ""}${waiting ? ` · ${minutes(progress)}` : ""}`;
    const bar = $("[data-pace-bar]");
    bar.max = Math.max(1, done + waiting);
    bar.value = done;
    $("[data-exposure]").textContent = `${cap ? `${exposure} of ${cap}` : exposure} min today${breakIn === null || (cap && exposure >= cap) ? "" : `, break in ${breakIn}`}`;
  };
  const askProgress = async () => {
    if (document.hidden || !$("[data-pace]")) return;
    try {
      const answer = await get(`${base}progress/`);
      if (!answer.ok) return;
      progress = await answer.json();
      showProgress();
    } catch {
      // The figures grow old until the connection is back; nothing else depends on them.
    }
  };

  // ---- the guideline of the version under which this case is asked

  const openGuideline = acts.guideline;
  acts.guideline = async (link) => {
    const version = task?.dataset.rubric ?? $("#guideline")?.dataset.version;
    const dialog = $("#guideline");
    if (dialog && (!version || dialog.dataset.version === version)) return openGuideline();
    // Another version than the page's: its own page, beside this one.
    window.open(version && link ? link.href.replace(/v\/\d+\/$/, `v/${version}/`) : link.href, "_blank", "noopener");
  };

  Object.assign(acts, {
    spans: () => spans.enter(),
    undo, pause, resume, precedents, stop,
    "strip-close": () => { $("[data-strip]").hidden = true; },
  });
  Object.assign(added.keys, {
    c: () => form() && openContext(),
    e: () => form() && openEffects(),
    q: () => form() && openQuality(),
    f: () => form() && flagGap(),
    s: () => form() && spans.enter(),
    z: () => undo(),
    p: () => pause(),
  });
  for (const value of [0, 1, 2, 3, 4]) added.keys[`shift+${value}`] = () => form() && setSeverity(String(value));
  added.rules = rules;
  added.first = (event) => spans.onKey(event);
  added.submit = submit;

  addEventListener("submit", (event) => {
    const sent = event.target;
    const way = sent.matches("[data-skip]") ? skip : sent.matches("[data-check-in]") ? checkIn : sent.matches("[data-reveal], [data-break], #work form") ? between : null;
    if (!way) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    way(sent, event.submitter);
  }, true);
  document.addEventListener("click", (event) => {
    const target = event.target.closest?.("[data-go-on], [data-clear], [data-leave]");
    if (!target || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (target.matches("[data-clear]")) return clear(target.dataset.clear);
    event.preventDefault();
    if (target.matches("[data-leave]")) away(target.href);
    else once(showNext);
  });
  document.addEventListener("change", (event) => {
    if (!form()?.contains(event.target)) return;
    event.target.closest("fieldset[data-criterion]")?.querySelector("[data-filled]")?.remove();
    follow();
    if (event.target.name === "severity" && severity() >= SEVERE_FROM) open("effects");
  });
  document.addEventListener("keydown", (event) => {
    // A single choice that was made by a slip is taken back by Delete.
    const target = event.target;
    if ((event.key !== "Delete" && event.key !== "Backspace") || !target.matches?.("input[type='radio']") || !form()?.contains(target)) return;
    if ($(`[data-clear='${target.name}']`, form())) clear(target.name);
  });
  $("#pause")?.addEventListener("cancel", (event) => {
    event.preventDefault();
    resume();
  });
  setInterval(askProgress, 60_000);
  begin(false);
  askProgress();
})();
