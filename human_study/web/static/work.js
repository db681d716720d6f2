"use strict";
// The work page. Every answer is kept in the browser until the server has acknowledged it, and carries an identifier
// of its own, so that a retry after a lost connection stores it exactly once.

const settings = JSON.parse(document.getElementById("settings").textContent);
const texts = settings.texts;
const byId = (id) => document.getElementById(id);
const UNSENT = "genspace-unsent-";
const KEYS_OFF = "genspace-keys-off";
const SETTLE_MS = 150; // a key pressed twice does not answer the next picture

let current = null; // the assignment on the page
let given = {}; // question -> choice, of the assignment on the page
let asking = 0; // index of the question that is being asked
let busy = true;
let settledAt = 0;
let clock = { ms: 0, since: null }; // how long the pictures were visible
let onContinue = null;

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

function notice(text) {
  byId("notice").textContent = text || "";
  byId("notice").hidden = !text;
}

// Talking to the server

class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function call(path, body) {
  const options = { headers: { Accept: "application/json" }, credentials: "same-origin" };
  if (body !== undefined) {
    options.method = "POST";
    options.headers["Content-Type"] = "application/json";
    options.headers["X-CSRF-Token"] = settings.csrf;
    options.body = JSON.stringify(body);
  }
  const response = await fetch(path, options);
  if (response.ok) return response.json();
  const told = await response.json().catch(() => ({}));
  throw new Refused(response.status, told.message || settings.errors.error_500);
}

const wait = (seconds) =>
  new Promise((resolve) => {
    const timer = setTimeout(done, seconds * 1000);
    function done() {
      clearTimeout(timer);
      window.removeEventListener("online", done);
      resolve();
    }
    window.addEventListener("online", done);
  });

// Try until the server answers; what it refuses for good is thrown.
async function persist(path, body) {
  for (let pause = 1; ; pause = Math.min(pause * 2, 15)) {
    try {
      const result = await call(path, body);
      notice("");
      return result;
    } catch (error) {
      if (error instanceof Refused && error.status < 500 && error.status !== 429) throw error;
      notice(error instanceof Refused ? error.message : texts.offline);
      await wait(pause);
    }
  }
}

function remember(id, body) {
  try {
    localStorage.setItem(UNSENT + id, JSON.stringify(body));
  } catch { /* private mode: the answer still waits on the page */ }
}

function forget(id) {
  try {
    localStorage.removeItem(UNSENT + id);
  } catch { /* nothing was kept */ }
}

async function sendWhatIsLeft() {
  let left = [];
  try {
    left = Object.keys(localStorage).filter((key) => key.startsWith(UNSENT));
  } catch { /* nothing was kept */ }
  for (const key of left) {
    const id = key.slice(UNSENT.length);
    try {
      await persist(`/api/assignments/${id}/answer`, JSON.parse(localStorage.getItem(key)));
    } catch { /* answered elsewhere meanwhile, or not this rater's */ }
    forget(id);
  }
}

// Showing

// A message takes the task's place, or (in the practice round) the answers' place beside the picture.
function message(heading, text, next, { kind = "", beside = false } = {}) {
  const box = byId("message");
  if (beside) byId("panel").append(box);
  else byId("content").append(box);
  byId("task").hidden = !beside;
  byId("panel").classList.toggle("told", beside);
  box.className = `sheet message ${kind}`;
  byId("message-heading").textContent = heading;
  byId("message-text").textContent = text || "";
  byId("continue").hidden = !next;
  box.hidden = false;
  onContinue = next;
  byId(next ? "continue" : "message-heading").focus();
}

function hideMessage() {
  byId("message").hidden = true;
  byId("panel").classList.remove("told");
}

function goOn() {
  const next = onContinue;
  onContinue = null;
  hideMessage();
  if (next) next();
}

async function show(payload, push) {
  if (payload.status === "finished") {
    location.assign("/done");
    return;
  }
  if (payload.status === "paused") {
    message(texts.paused_heading, texts.paused, null);
    return;
  }
  if (payload.pause && !(current && current.id === payload.id)) {
    message(texts.break_heading, fill(texts.break_text, { done: payload.done }), () => render(payload, push));
    return;
  }
  await render(payload, push);
}

async function render(payload, push) {
  current = payload;
  given = {};
  asking = 0;
  busy = true;
  const place = { id: payload.id };
  if (push && history.state && history.state.id !== payload.id) history.pushState(place, "");
  else history.replaceState(place, "");

  const number = payload.revision ? payload.done : payload.done + 1;
  const total = Math.max(payload.total, number);
  byId("stage-name").hidden = !payload.practice;
  byId("progress-text").textContent = fill(texts.progress, { done: number, total });
  byId("progress").max = total;
  byId("progress").value = payload.done;

  const marks = ["", "a", "b", "c"];
  byId("prompt").replaceChildren(
    ...payload.prompt.map(([text, mark]) => (mark ? element("mark", { class: marks[mark] }, text) : text)),
  );
  byId("prompt").hidden = byId("prompt-label").hidden = !payload.prompt.some(([text]) => text.trim());
  const drawing = byId("drawing");
  drawing.hidden = !payload.drawing;
  byId("prompt").classList.toggle("lettered", Boolean(payload.drawing));
  if (payload.drawing) drawing.src = payload.drawing;
  byId("comment").value = payload.comment;
  byId("back").disabled = !payload.previous;
  byId("keep").hidden = !payload.revision;
  notice(payload.revision ? texts.revising : "");
  hideMessage();
  byId("task").hidden = false;
  ask();
  byId("question").focus({ preventScroll: true });
  window.scrollTo(0, 0);

  clock = { ms: 0, since: null };
  const loaded = await showPictures(payload);
  if (current !== payload) return;
  busy = false;
  settledAt = performance.now() + SETTLE_MS;
  if (loaded) startClock();
  enable();
}

function showPictures(payload) {
  const box = byId("pictures");
  const waits = [];
  box.replaceChildren(
    ...payload.pictures.map((picture, index) => {
      const image = element("img", { alt: picture.label, decoding: "async" });
      waits.push(
        new Promise((resolve) => {
          image.addEventListener("load", () => resolve(true));
          image.addEventListener("error", () => resolve(false));
        }),
      );
      image.src = picture.url;
      const label = element("span", { class: "label" }, picture.label);
      const button = element("button", { type: "button", class: "picture", title: texts.zoom }, image, label);
      button.addEventListener("click", () => openZoom(index));
      return button;
    }),
  );
  return Promise.all(waits).then((results) => {
    const fine = results.every(Boolean);
    if (!fine) {
      notice(texts.broken_picture);
      const again = element("button", { type: "button", class: "small" }, texts.retry);
      again.addEventListener("click", () => render(payload, false));
      byId("notice").append(" ", again);
    }
    return fine;
  });
}

function ask() {
  const questions = current.questions;
  const question = questions[asking];
  byId("question").textContent = question.text;
  byId("question-number").hidden = questions.length < 2;
  byId("question-number").textContent = fill(texts.question_of, { number: asking + 1, total: questions.length });
  const before = current.answers[question.name];
  byId("choices").replaceChildren(
    ...settings.choices.map((choice) => {
      const pressed = String((given[question.name] || before) === choice.name);
      const button = element(
        "button",
        {
          type: "button", "data-choice": choice.name, "aria-pressed": pressed,
          "aria-keyshortcuts": choice.letter ? `${choice.key} ${choice.letter}` : choice.key,
          class: choice.name === "cannot_tell" ? "aside" : null,
        },
        element("kbd", { "aria-hidden": "true" }, choice.key),
        element("span", {}, choice.label),
      );
      button.addEventListener("click", () => choose(choice.name));
      return button;
    }),
  );
  enable();
}

function enable() {
  for (const button of byId("choices").children) button.disabled = busy;
}

// Answering

function startClock() {
  if (clock.since === null && !document.hidden) clock.since = performance.now();
}

function stopClock() {
  if (clock.since !== null) clock.ms += performance.now() - clock.since;
  clock.since = null;
}

async function choose(name) {
  if (busy || performance.now() < settledAt) return;
  given[current.questions[asking].name] = name;
  for (const button of byId("choices").children) {
    button.setAttribute("aria-pressed", String(button.dataset.choice === name));
  }
  if (asking + 1 < current.questions.length) {
    asking += 1;
    settledAt = performance.now() + SETTLE_MS;
    ask();
    byId("question").focus({ preventScroll: true });
    return;
  }
  busy = true;
  enable();
  stopClock();
  const id = current.id;
  const body = {
    submission: identifier(),
    revision: current.revision,
    choices: given,
    seconds: Math.round(clock.ms) / 1000,
    comment: byId("comment").value,
  };
  remember(id, body);
  let result;
  try {
    result = await persist(`/api/assignments/${id}/answer`, body);
  } catch (error) {
    forget(id);
    if (error.status === 409) {
      await next();
      notice(texts.stale);
    } else {
      message(settings.errors.error_heading, error.message, next, { kind: "wrong" });
    }
    return;
  }
  forget(id);
  const go = () => show(result.next, true);
  if (result.feedback) {
    const { right, text, explanation } = result.feedback;
    message(text, explanation, go, { kind: right ? "right" : "wrong", beside: true });
  } else {
    await go();
  }
}

function identifier() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

async function next() {
  await show(await persist("/api/next"), true);
}

async function showEarlier(id, push) {
  try {
    await show(await persist(`/api/assignments/${id}`), push);
  } catch {
    await next();
  }
}

// Zoom: one picture at a time, with a switch between them, at the same place and size

let scale = 1;

function openZoom(index) {
  if (!current || !current.pictures.length) return;
  scale = 1;
  byId("zoom-which").replaceChildren(
    ...(current.pictures.length > 1 ? current.pictures : []).map((picture, at) => {
      const button = element("button", { type: "button" }, picture.label);
      button.addEventListener("click", () => zoomTo(at));
      return button;
    }),
  );
  if (!byId("zoom").open) byId("zoom").showModal();
  zoomTo(index);
  byId("zoom-view").focus();
}

function zoomTo(index) {
  byId("zoom-image").src = current.pictures[index].url;
  byId("zoom-image").alt = current.pictures[index].label;
  [...byId("zoom-which").children].forEach((b, at) => b.setAttribute("aria-pressed", String(at === index)));
  resize(1);
}

function resize(factor) {
  scale = Math.min(Math.max(scale * factor, 1), 8);
  const view = byId("zoom-view");
  const image = byId("zoom-image");
  const apply = () => {
    const fit = Math.min(view.clientWidth / image.naturalWidth, view.clientHeight / image.naturalHeight);
    image.style.width = `${image.naturalWidth * fit * scale}px`;
  };
  if (image.complete && image.naturalWidth) apply();
  else image.addEventListener("load", apply, { once: true });
}

// Keys

let keysOn = true;
try {
  keysOn = localStorage.getItem(KEYS_OFF) === null;
} catch { /* keep the default */ }

function openKeys() {
  const rows = settings.choices.map((c) => [c.letter ? `${c.key} / ${c.letter}` : c.key, c.label]);
  rows.push(["⌫", texts.key_back], ["z", texts.key_zoom], ["c", texts.key_comment]);
  byId("keys-list").replaceChildren(
    ...rows.flatMap(([key, what]) => [
      element("dt", {}, element("kbd", {}, key)),
      element("dd", {}, what),
    ]),
  );
  byId("keys-on").checked = keysOn;
  byId("keys").showModal();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (byId("zoom").open) {
    if (event.key === "+" || event.key === "=") resize(1.5);
    if (event.key === "-") resize(1 / 1.5);
    return;
  }
  if (byId("keys").open || byId("task").hidden || !byId("message").hidden || !keysOn) return;
  if (event.target.closest("textarea, input")) {
    if (event.key === "Escape") byId("question").focus();
    return;
  }
  const key = event.key.toLowerCase();
  const choice = settings.choices.find((c) => c.key === key || (c.letter && c.letter === key));
  const act = choice
    ? () => choose(choice.name)
    : { backspace: () => byId("back").click(), z: () => openZoom(current.pictures.length - 1), c: () => byId("comment").focus(), "?": openKeys }[key];
  if (act) {
    event.preventDefault();
    act();
  }
});

byId("zoom-in").addEventListener("click", () => resize(1.5));
byId("zoom-out").addEventListener("click", () => resize(1 / 1.5));
byId("zoom-close").addEventListener("click", () => byId("zoom").close());
byId("help").addEventListener("click", openKeys);
byId("keys-close").addEventListener("click", () => byId("keys").close());
byId("keys-on").addEventListener("change", (event) => {
  keysOn = event.target.checked;
  try {
    if (keysOn) localStorage.removeItem(KEYS_OFF);
    else localStorage.setItem(KEYS_OFF, "1");
  } catch { /* holds for this page */ }
});
byId("back").addEventListener("click", () => current.previous && showEarlier(current.previous, true));
byId("keep").addEventListener("click", next);
byId("continue").addEventListener("click", goOn);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) stopClock();
  else if (!busy) startClock();
});
window.addEventListener("popstate", (event) => {
  if (event.state && event.state.id) showEarlier(event.state.id, false);
});

(async () => {
  notice(texts.loading);
  await sendWhatIsLeft();
  try {
    await show(await persist("/api/next"), false);
  } catch (error) {
    message(settings.errors.error_heading, error.message, null, { kind: "wrong" });
  }
})();
