// Marking passages of a case, by mouse and wholly by keyboard; drawing them.
// A passage is {criterion, part, start, end}: code points of the raw text of one block, as annotations/details.py has it.
// What is on screen differs from that text: hidden characters have stand-ins (`data-length`), which count as what they stand for.
(() => {
  "use strict";

  const { $, $$, letter, digit, isVisible } = window.evalplatform.sheet;
  const STAND_IN = "\uFFFC";
  const isLow = (unit) => unit >= 0xdc00 && unit <= 0xdfff;

  // ---- a block's raw text as the page shows it, and the way from it to the page's nodes and back

  // {text, pieces: [{node, from, to, isAtom}]}: `text` has one UTF-16 unit for each that the raw text has where it can be
  // seen, and a stand-in for each character that can't.
  const read = (block) => {
    const pieces = [];
    let text = "";
    const walker = document.createTreeWalker(block, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT, (node) => {
      if (node.parentElement.closest("[data-length]")) return NodeFilter.FILTER_REJECT;
      return node.nodeType === Node.TEXT_NODE || node.hasAttribute("data-length") ? NodeFilter.FILTER_ACCEPT : NodeFilter.FILTER_SKIP;
    });
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const isAtom = node.nodeType !== Node.TEXT_NODE;
      const from = text.length;
      if (!isAtom) text += node.data;
      else text += node.textContent === "\n" ? "\r\n" : STAND_IN.repeat(Number(node.dataset.length));
      pieces.push({ node, from, to: text.length, isAtom });
    }
    return { block, text, pieces };
  };
  // Code points before a UTF-16 index, and the other way.
  const points = (text, index) => {
    let count = 0;
    for (let i = 0; i < index; i++) if (!isLow(text.charCodeAt(i))) count++;
    return count;
  };
  const indexOf = (text, count) => {
    let i = 0;
    for (let left = count; i < text.length; i++) if (!isLow(text.charCodeAt(i)) && left-- === 0) break;
    return i;
  };
  // The index of a place on the page. Within a stand-in: before it, or after it (`isEnd`).
  const indexAt = (model, container, offset, isEnd) => {
    for (const piece of model.pieces) {
      if (piece.isAtom && (piece.node === container || piece.node.contains(container))) return isEnd ? piece.to : piece.from;
      if (piece.node === container) return piece.from + offset;
    }
    const range = document.createRange();
    range.setStart(container, offset);
    range.collapse(true);
    for (const piece of model.pieces) if (range.comparePoint(piece.node, 0) >= 0) return piece.from;
    return model.text.length;
  };
  const placeOf = (model, index) => {
    const piece = model.pieces.find((one) => index < one.to) ?? model.pieces.at(-1);
    if (!piece) return [model.block, 0];
    if (!piece.isAtom) return [piece.node, Math.min(index, piece.to) - piece.from];
    const parent = piece.node.parentNode;
    const child = [...parent.childNodes].indexOf(piece.node);
    return [parent, index <= piece.from ? child : child + 1];
  };
  const rangeOf = (model, from, to) => {
    const range = document.createRange();
    range.setStart(...placeOf(model, from));
    const last = model.pieces.findLast((one) => one.from < to);
    if (!last) range.setEnd(...placeOf(model, to));
    else if (last.isAtom) range.setEndAfter(last.node);
    else range.setEnd(last.node, Math.min(to, last.to) - last.from);
    return range;
  };

  // ---- the passages of the case on screen

  let room = null; // {root, list, field, names, target, changed, say}: what the sheet gives
  let spans = [];
  let hints = []; // the AI's, in the arm evidence

  const blocks = () => $$("[data-field]", room.root);
  const blockOf = (part) => blocks().find((one) => one.dataset.field === part);
  const quoteOf = (span) => {
    const block = blockOf(span.part);
    if (!block) return "";
    const model = read(block);
    return rangeOf(model, indexOf(model.text, span.start), indexOf(model.text, span.end)).toString();
  };
  const same = (one, other) => ["criterion", "part", "start", "end"].every((name) => one[name] === other[name]);

  const add = (found, criterion) => {
    const fresh = found.map((one) => ({ criterion, ...one })).filter((one) => !spans.some((other) => same(one, other)));
    spans.push(...fresh);
    if (fresh.length) changed();
    return fresh;
  };
  const remove = (span) => {
    spans = spans.filter((one) => one !== span);
    changed();
  };
  const changed = () => {
    draw();
    room.changed();
  };

  // ---- drawing: each stretch carries the numbers of its questions, since colour alone says nothing to some

  const draw = () => {
    for (const block of blocks()) drawBlock(block);
    room.field.value = spans.length ? JSON.stringify(spans) : "";
    drawList();
  };
  const drawBlock = (block) => {
    for (const old of $$("mark[data-spans]", block)) old.replaceWith(...old.childNodes);
    block.normalize();
    const part = block.dataset.field;
    const here = [...spans.filter((one) => one.part === part), ...hints.filter((one) => one.part === part)];
    if (!here.length) return;
    const { text } = read(block);
    const bounds = here.map((one) => ({ one, from: indexOf(text, one.start), to: indexOf(text, one.end) }));
    const edges = [...new Set(bounds.flatMap(({ from, to }) => [from, to]))].sort((a, b) => a - b);
    for (let i = 0; i + 1 < edges.length; i++) {
      const over = bounds.filter(({ from, to }) => from <= edges[i] && to >= edges[i + 1]);
      if (over.length) wrap(block, edges[i], edges[i + 1], over);
    }
  };
  const wrap = (block, from, to, over) => {
    const pieces = read(block).pieces.filter((piece) => piece.from < to && piece.to > from);
    const own = [...new Set(over.filter(({ one }) => !one.isHint).map(({ one }) => Number(room.names[one.criterion]?.number ?? 0)))].sort((a, b) => a - b);
    const ends = [...new Set(over.filter((b) => b.to === to).map(({ one }) => (one.isHint ? "AI" : (room.names[one.criterion]?.number ?? "?"))))];
    pieces.forEach((piece, place) => {
      let node = piece.node;
      if (!piece.isAtom) {
        if (piece.from < from) node = node.splitText(from - piece.from);
        const length = Math.min(to, piece.to) - Math.max(from, piece.from);
        if (node.length > length) node.splitText(length);
      }
      const mark = document.createElement("mark");
      mark.dataset.spans = own.join(" ");
      mark.className = own.length > 1 ? "span many" : own.length ? `span s${((own[0] + 5) % 6) + 1}` : "span hint";
      if (place === pieces.length - 1 && ends.length) mark.dataset.ends = ends.join(" ");
      node.replaceWith(mark);
      mark.append(node);
    });
  };
  const drawList = () => {
    room.list.replaceChildren(...spans.map(item));
  };
  const item = (span) => {
    const name = room.names[span.criterion] ?? { number: "?", name: span.criterion };
    const quote = quoteOf(span);
    const row = document.createElement("li");
    const number = Object.assign(document.createElement("b"), { textContent: name.number, title: name.name });
    const words = Object.assign(document.createElement("button"), { type: "button", className: "link", title: "Show it in the case" });
    words.append(Object.assign(document.createElement("q"), { dir: "auto", textContent: quote.length > 120 ? `${quote.slice(0, 80)} … ${quote.slice(-30)}` : quote }));
    words.addEventListener("click", () => show(span));
    const away = Object.assign(document.createElement("button"), { type: "button", className: "close" });
    away.setAttribute("aria-label", `Remove the mark for ${name.name}`);
    away.addEventListener("click", () => {
      const place = spans.indexOf(span);
      remove(span);
      const rows = $$("button.close", room.list);
      (rows[Math.min(place, rows.length - 1)] ?? $("[data-act='spans']"))?.focus();
      room.say(`Mark removed. ${count()}`);
    });
    row.append(number, words, away);
    return row;
  };
  const count = () => (spans.length === 1 ? "One passage is marked." : `${spans.length} passages are marked.`);
  const show = (span) => {
    const block = blockOf(span.part);
    if (!block) return;
    const model = read(block);
    const range = rangeOf(model, indexOf(model.text, span.start), indexOf(model.text, span.end));
    (range.startContainer.parentElement ?? block).scrollIntoView({ block: "center" });
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    closeBar();
  };

  // ---- from a selection of the browser: one passage for each block that it touches, without the spaces at its ends

  const selected = () => {
    const selection = getSelection();
    if (!room || !selection.rangeCount || selection.isCollapsed) return [];
    const range = selection.getRangeAt(0);
    const found = [];
    for (const block of blocks()) {
      if (!range.intersectsNode(block)) continue;
      const model = read(block);
      const inside = (node) => node === block || block.contains(node);
      const from = inside(range.startContainer) ? indexAt(model, range.startContainer, range.startOffset, false) : 0;
      const to = inside(range.endContainer) ? indexAt(model, range.endContainer, range.endOffset, true) : model.text.length;
      const span = trimmed(model, from, to);
      if (span) found.push(span);
    }
    return found;
  };
  const trimmed = (model, from, to) => {
    while (from < to && /\s/.test(model.text[from])) from++;
    while (to > from && /\s/.test(model.text[to - 1])) to--;
    if (isLow(model.text.charCodeAt(from))) from--;
    if (isLow(model.text.charCodeAt(to))) to++;
    return from < to ? { part: model.block.dataset.field, start: points(model.text, from), end: points(model.text, to) } : null;
  };

  // ---- the small bar at a selection: which question it is evidence for

  let bar = null;
  const closeBar = () => {
    bar?.remove();
    bar = null;
  };
  const openBar = () => {
    closeBar();
    if (!room || caret || isMasked()) return;
    const found = selected();
    if (!found.length) return;
    bar = Object.assign(document.createElement("div"), { className: "span-bar" });
    bar.setAttribute("role", "toolbar");
    bar.setAttribute("aria-label", "Mark the selection");
    const first = room.target();
    const names = Object.entries(room.names).sort(([a], [b]) => (b === first) - (a === first));
    for (const [key, { number, name }] of names) {
      const button = Object.assign(document.createElement("button"), { type: "button", className: key === first ? "small" : "small secondary", title: `Mark for ${name}` });
      button.textContent = key === first ? `Mark for ${number} ${name}` : String(number);
      if (key !== first) button.setAttribute("aria-label", `Mark for ${number} ${name}`);
      // The selection must outlive the press of the button.
      button.addEventListener("pointerdown", (event) => event.preventDefault());
      button.addEventListener("click", () => assign(found, key));
      bar.append(button);
    }
    document.body.append(bar);
    const rects = [...getSelection().getRangeAt(0).getClientRects()];
    const last = rects.at(-1);
    if (last && innerWidth > 768) {
      bar.style.left = `${Math.max(8, Math.min(innerWidth - bar.offsetWidth - 8, last.right - bar.offsetWidth / 2))}px`;
      bar.style.top = `${Math.min(innerHeight - bar.offsetHeight - 8, last.bottom + 8)}px`;
    } else bar.classList.add("at-foot");
  };
  const assign = (found, criterion) => {
    const fresh = add(found, criterion);
    getSelection().removeAllRanges();
    closeBar();
    const { number, name } = room.names[criterion];
    room.say(fresh.length ? `Marked for ${number} ${name}: ${quoteOf(fresh[0]).slice(0, 160)}` : "That passage is marked already.");
  };
  const isMasked = () => room.root.matches(".is-masked");

  // ---- by keyboard: a caret in the case

  let caret = null; // {model, at, anchor, target, x}
  let cursor = null; // the drawn caret

  const enter = () => {
    const found = selected();
    if (found.length) return assign(found, room.target());
    if (isMasked()) return room.say("Show the text first: B.", true);
    const readable = blocks().filter((one) => isVisible(one) && one.textContent.trim());
    if (!readable.length) return room.say("Open the case first: B.", true);
    const block = readable.find((one) => one === caretBlock) ?? readable.find((one) => one.dataset.field === "response") ?? readable.at(-1);
    room.root.classList.add("is-marking");
    caret = { model: read(block), at: block === caretBlock ? Math.min(caretAt, read(block).text.length) : 0, anchor: null, target: room.target(), x: null };
    focusBlock();
    place();
    const { number, name } = room.names[caret.target];
    room.mode(`Marking for ${number} ${name}`);
    room.say(`Marking for question ${number}, ${name}. Arrows move by word and line, with control by sentence and block. Shift extends, Enter marks, Escape leaves.`);
    return true;
  };
  let caretBlock = null;
  let caretAt = 0;
  const leave = (isQuiet = false) => {
    if (!caret) return;
    caretBlock = caret.model.block;
    caretAt = caret.at;
    caret = null;
    cursor?.remove();
    cursor = null;
    getSelection().removeAllRanges();
    room.root.classList.remove("is-marking");
    for (const one of $$("[role='application']", room.root)) restore(one);
    room.mode("");
    if (!isQuiet) room.say(`Back at the questions. ${count()}`);
  };
  // While the caret is in it, a block takes all keys; screen readers pass them on to an application.
  const focusBlock = () => {
    for (const one of $$("[role='application']", room.root)) restore(one);
    const { block } = caret.model;
    block.dataset.role = block.getAttribute("role") ?? "";
    block.setAttribute("role", "application");
    if (!block.hasAttribute("aria-label")) block.setAttribute("aria-label", block.closest(".turn").getAttribute("aria-label"));
    if (!block.hasAttribute("tabindex")) block.tabIndex = -1;
    block.focus({ preventScroll: true });
  };
  const restore = (block) => {
    if (block.dataset.role) block.setAttribute("role", block.dataset.role);
    else {
      block.removeAttribute("role");
      block.removeAttribute("aria-label");
    }
    delete block.dataset.role;
  };

  const rectAt = (index) => {
    const { model } = caret;
    const { text } = model;
    const of = (at) => [...rangeOf(model, at, at + 1).getClientRects()].at(-1);
    const isBefore = index < text.length && text[index] !== "\n";
    const isAfter = !isBefore && index > 0 && text[index - 1] !== "\n";
    // On an empty line the line's end is all there is; after the last one, not even that.
    const rect = (isBefore || (!isAfter && index < text.length) ? of(index) : isAfter ? of(index - 1) : null) ?? model.block.getBoundingClientRect();
    return { x: isAfter !== isRtl(text, index) ? rect.right : rect.left, top: rect.top, bottom: Math.min(rect.bottom, rect.top + 60) };
  };
  const place = () => {
    const { model, at, anchor } = caret;
    const selection = getSelection();
    if (anchor === null) selection.removeAllRanges();
    else selection.setBaseAndExtent(...placeOf(model, anchor), ...placeOf(model, at));
    seeTo();
    cursor ??= Object.assign(document.createElement("span"), { className: "span-caret" });
    cursor.setAttribute("aria-hidden", "true");
    const turn = model.block.closest(".turn");
    turn.append(cursor);
    const box = turn.getBoundingClientRect();
    const rect = rectAt(at);
    cursor.style.left = `${rect.x - box.left - turn.clientLeft}px`;
    cursor.style.top = `${rect.top - box.top - turn.clientTop}px`;
    cursor.style.height = `${rect.bottom - rect.top}px`;
  };
  const seeTo = () => {
    const { block } = caret.model;
    let rect = rectAt(caret.at);
    const box = block.getBoundingClientRect();
    if (block.scrollHeight > block.clientHeight && (rect.top < box.top || rect.bottom > box.bottom)) {
      block.scrollTop += rect.top - box.top - block.clientHeight / 2;
      rect = rectAt(caret.at);
    }
    if (rect.top < 130 || rect.bottom > innerHeight - 60) scrollBy({ top: rect.top - innerHeight / 2, behavior: "instant" });
  };

  // ---- where a step leads

  const RTL = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]|[\ud802\ud803\ud83a\ud83b]/;
  // By the first strong letter of the paragraph, as the page is laid out.
  const isRtl = (text, at) => {
    const from = text.lastIndexOf("\n", Math.max(0, at - 1)) + 1;
    const strong = text.slice(from, from + 400).match(/\p{L}/u);
    return strong !== null && RTL.test(strong[0]);
  };
  const stops = {};
  const segments = (model, granularity) => {
    stops[granularity] ??= new Intl.Segmenter(undefined, { granularity });
    return stops[granularity].segment(model.text);
  };
  const isBlank = (text) => !/\S/.test(text);
  // The next beginning (or, while extending forwards, end) of a word, sentence or character.
  const step = (granularity, forwards) => {
    const { model, at } = caret;
    const all = segments(model, granularity);
    let i = at;
    while (forwards ? i < model.text.length : i > 0) {
      const one = all.containing(forwards ? i : i - 1);
      i = forwards ? one.index + one.segment.length : one.index;
      const next = all.containing(i);
      if (granularity === "grapheme") return i;
      if (caret.anchor !== null && forwards ? !isBlank(one.segment) : !next || !isBlank(next.segment)) return i;
    }
    return i;
  };
  const sentenceAt = (model, at) => {
    const one = segments(model, "sentence").containing(Math.min(at, Math.max(0, model.text.length - 1)));
    return one ? [one.index, one.index + one.segment.length] : [0, 0];
  };
  const fromPoint = (x, y) => {
    const found = document.caretPositionFromPoint?.(x, y);
    if (found) return [found.offsetNode, found.offset];
    const range = document.caretRangeFromPoint?.(x, y);
    return range ? [range.startContainer, range.startOffset] : null;
  };
  const stepLine = (forwards) => {
    const { model, at } = caret;
    const rect = rectAt(at);
    const height = Math.max(12, rect.bottom - rect.top);
    caret.x ??= rect.x;
    if (cursor) cursor.hidden = true;
    // Lines differ in height and empty ones have none: look a little further until there is one.
    for (const far of [0.6, 1.2, 1.8, 2.6]) {
      const place = fromPoint(caret.x, forwards ? rect.bottom + height * far : rect.top - height * far);
      if (!place || !model.block.contains(place[0])) continue;
      const index = indexAt(model, ...place, forwards);
      if (forwards ? index > at : index < at) {
        if (cursor) cursor.hidden = false;
        return index;
      }
    }
    if (cursor) cursor.hidden = false;
    return null;
  };
  const stepBlock = (forwards) => {
    const all = blocks().filter((one) => one.textContent.trim());
    const next = all[all.indexOf(caret.model.block) + (forwards ? 1 : -1)];
    if (!next) return false;
    const model = read(next);
    Object.assign(caret, { model, at: 0, anchor: null, x: null });
    focusBlock();
    place();
    room.say(`${next.closest(".turn").getAttribute("aria-label")}. ${model.text.slice(0, 80).replaceAll(STAND_IN, "")}`);
    return true;
  };
  // A passage lies within one block: while extending, its ends are the ends of the way.
  const go = (index, isExtending, isLine = false) => {
    const before = caret.at;
    if (isExtending && caret.anchor === null) caret.anchor = before;
    if (!isExtending && !caret.isAnchored) caret.anchor = null;
    caret.at = index;
    if (!isLine) caret.x = null;
    place();
    speak(before);
  };
  const speak = (before) => {
    const { model, at, anchor } = caret;
    const [from, to] = anchor === null ? [Math.min(before, at), Math.max(before, at)] : [Math.min(anchor, at), Math.max(anchor, at)];
    let said = model.text.slice(from, to);
    if (anchor === null) {
      const one = segments(model, "word").containing(Math.min(at, model.text.length - 1));
      said = at >= model.text.length ? "end of the block" : Math.abs(at - before) > 60 ? model.text.slice(...sentenceAt(model, at)) : (one?.segment ?? "");
    }
    said = said.replaceAll(STAND_IN, " hidden character ").replaceAll("\n", " ").trim() || "blank";
    room.say(anchor === null ? said.slice(0, 200) : `Selected: ${said.length > 200 ? `${said.slice(0, 100)} … ${said.slice(-80)}` : said}`);
  };

  const move = (event) => {
    const { model } = caret;
    const isExtending = event.shiftKey;
    const far = event.ctrlKey || event.metaKey;
    const isSide = event.key === "ArrowLeft" || event.key === "ArrowRight";
    if (isSide) {
      const forwards = (event.key === "ArrowRight") !== isRtl(model.text, caret.at);
      if (isExtending && caret.anchor === null) caret.anchor = caret.at;
      return go(step(far ? "sentence" : "word", forwards), isExtending);
    }
    const forwards = event.key === "ArrowDown";
    if (far) return isExtending || caret.isAnchored ? go(forwards ? model.text.length : 0, isExtending) : void stepBlock(forwards);
    const index = stepLine(forwards);
    if (index !== null) return go(index, isExtending, true);
    if (isExtending || caret.isAnchored || !stepBlock(forwards)) go(forwards ? model.text.length : 0, isExtending);
  };
  const onKey = (event) => {
    if (!caret) return false;
    if (event.altKey) return false;
    const { model } = caret;
    const place = digit(event);
    switch (event.key) {
      case "ArrowLeft": case "ArrowRight": case "ArrowUp": case "ArrowDown": move(event); return true;
      case "Home": go(0, event.shiftKey); return true;
      case "End": go(model.text.length, event.shiftKey); return true;
      case ",": case ".": case "<": case ">": go(step("grapheme", event.key === "." || event.key === ">"), event.shiftKey); return true;
      case "Enter": if (!event.repeat) markHere(); return true;
      case "Delete": case "Backspace": removeHere(); return true;
      case "Escape": leave(); room.back(); return true;
      case "Tab": leave(); return false;
      case "?": return false;
    }
    if (event.ctrlKey || event.metaKey) return false;
    if (letter(event) === "m" || event.key === " ") return anchor(), true;
    if (letter(event) === "s") return leave(), room.back(), true;
    if (place && !event.shiftKey) return target(place), true;
    // Nothing else acts while the caret is in the case: a slip must not answer a question.
    return !["F5", "F6", "F11", "F12", "PageUp", "PageDown", "Shift", "Control", "Meta"].includes(event.key);
  };
  const anchor = () => {
    caret.isAnchored = !caret.isAnchored;
    caret.anchor = caret.isAnchored ? caret.at : null;
    place();
    room.say(caret.isAnchored ? "It begins here. Move to its end, then press Enter." : "No beginning any more.");
  };
  const target = (number) => {
    const found = Object.entries(room.names).find(([, one]) => String(one.number) === number);
    if (!found) return;
    caret.target = found[0];
    room.mode(`Marking for ${number} ${found[1].name}`);
    room.say(`Marking for question ${number}, ${found[1].name}.`);
  };
  const markHere = () => {
    const { model, at } = caret;
    const [from, to] = caret.anchor === null || caret.anchor === at ? sentenceAt(model, at) : [Math.min(caret.anchor, at), Math.max(caret.anchor, at)];
    const span = trimmed(model, from, to);
    caret.anchor = null;
    caret.isAnchored = false;
    if (!span) return void room.say("Nothing is selected here.");
    const fresh = add([span], caret.target);
    caret.model = read(model.block);
    place();
    const { number, name } = room.names[caret.target];
    room.say(fresh.length ? `Marked for ${number} ${name}: ${quoteOf(span).slice(0, 160)}` : "That passage is marked already.");
  };
  const removeHere = () => {
    const { model, at } = caret;
    const here = points(model.text, at);
    const under = spans.filter((one) => one.part === model.block.dataset.field && one.start <= here && here <= one.end);
    const span = under.find((one) => one.criterion === caret.target) ?? under[0];
    if (!span) return void room.say("No mark is here.");
    remove(span);
    caret.model = read(model.block);
    place();
    room.say(`Mark removed. ${count()}`);
  };

  // ---- starting with a case, and leaving it

  const start = (given, kept, pointed) => {
    stop();
    room = given;
    spans = kept.map(({ criterion, part, start: from, end }) => ({ criterion, part, start: from, end }));
    hints = pointed.map((one) => ({ ...one, isHint: true }));
    draw();
  };
  const stop = () => {
    if (caret) leave(true);
    closeBar();
    [room, spans, hints, caretBlock, caretAt] = [null, [], [], null, 0];
  };

  let isPressed = false;
  addEventListener("pointerdown", (event) => {
    isPressed = true;
    if (!bar?.contains(event.target)) closeBar();
    if (caret && !room.root.contains(event.target)) leave(true);
  }, true);
  addEventListener("pointerup", () => {
    isPressed = false;
    setTimeout(() => room && openBar());
  }, true);
  let settle = 0;
  document.addEventListener("selectionchange", () => {
    if (!room || caret || isPressed) return;
    clearTimeout(settle);
    // Handles of a phone and keys of the browser's own caret send no pointer: wait until it rests.
    settle = setTimeout(() => room && (getSelection().isCollapsed ? closeBar() : openBar()), 300);
  });
  addEventListener("scroll", () => bar && !bar.matches(".at-foot") && closeBar(), { passive: true, capture: true });
  addEventListener("resize", () => caret && place());
  addEventListener("focusin", (event) => caret && !caret.model.block.contains(event.target) && leave(true));

  window.evalplatform.spans = {
    start, stop, enter, onKey, closeBar, read, points, indexOf, trimmed, sentenceAt,
    isMarking: () => caret !== null, hasBar: () => bar !== null, all: () => spans,
  };
})();
