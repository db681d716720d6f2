// The work page: shows a picture, asks about it step by step, sends the answer, and shows the next one.
import { ask, enable } from "./asking.js";
import { byId, element, fill, settings } from "./page.js";
import { forget, identifier, notice, persist, remember, sendWhatIsLeft } from "./sending.js";
import { Answering } from "./steps.js";
import { openZoom, resize } from "./zoom.js";

const texts = settings.texts;
const KEYS_OFF = "genspace-keys-off";
const SETTLE_MS = 150; // a key pressed twice does not answer the next picture

let current = null; // the assignment on the page
let answering = null; // what is being said about it
let busy = true;
let settledAt = 0;
let clock = { ms: 0, since: null }; // how long the pictures were visible
let onContinue = null;

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
    location.assign("done");
    return;
  }
  if (payload.status === "paused") {
    message(texts.paused_heading, texts.paused, null);
    return;
  }
  const fresh = !(current && current.id === payload.id);
  if (payload.again && fresh) {
    message(texts.practice, payload.again, () => render(payload, push));
    return;
  }
  if (payload.pause && fresh) {
    const text = fill(texts.break_text, { done: payload.number - 1 });
    message(texts.break_heading, text, () => render(payload, push));
    return;
  }
  await render(payload, push);
}

async function render(payload, push) {
  current = payload;
  answering = new Answering(payload);
  busy = true;
  const place = { id: payload.id };
  if (push && history.state && history.state.id !== payload.id) history.pushState(place, "");
  else history.replaceState(place, "");

  byId("stage-name").hidden = !payload.practice;
  byId("progress-text").textContent = fill(texts.progress, { done: payload.number, total: payload.total });
  byId("progress").max = payload.total;
  byId("progress").value = payload.number - (payload.revision ? 0 : 1);

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
  byId("keep").hidden = !payload.revision;
  notice(payload.revision ? texts.revising : "");
  hideMessage();
  byId("task").hidden = false;
  askNow();
  window.scrollTo(0, 0);

  clock = { ms: 0, since: null };
  const loaded = await showPictures(payload);
  if (current !== payload) return;
  busy = false;
  settledAt = performance.now() + SETTLE_MS;
  if (loaded) startClock();
  enable(true);
}

function askNow() {
  ask(answering, choose);
  enable(!busy);
  byId("question").focus({ preventScroll: true });
}

function showPictures(payload) {
  const box = byId("pictures");
  const waits = [];
  box.dataset.number = payload.pictures.length;
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
      const own = picture.prompt ? [element("span", { class: "own-prompt", dir: "auto" }, picture.prompt)] : [];
      const button = element("button", { type: "button", class: "picture", title: texts.zoom }, ...own, image, label);
      button.addEventListener("click", () => openZoom(payload.pictures, index));
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

// Answering

function startClock() {
  if (clock.since === null && !document.hidden) clock.since = performance.now();
}

function stopClock() {
  if (clock.since !== null) clock.ms += performance.now() - clock.since;
  clock.since = null;
}

async function choose(value) {
  if (busy || performance.now() < settledAt) return;
  for (const button of byId("choices").querySelectorAll("button[data-choice]")) {
    button.setAttribute("aria-pressed", String(button.dataset.choice === value));
  }
  answering.answer(value);
  if (!answering.isDone) {
    settledAt = performance.now() + SETTLE_MS;
    askNow();
    return;
  }
  busy = true;
  enable(false);
  stopClock();
  const id = current.id;
  const body = {
    submission: identifier(),
    revision: current.revision,
    ...answering.body(),
    seconds: Math.round(clock.ms) / 1000,
    comment: byId("comment").value,
  };
  remember(id, body);
  let result;
  try {
    result = await persist(`api/assignments/${id}/answer`, body);
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
  } else if (result.warning) {
    message(texts.look_closely_heading, result.warning, go, { kind: "wrong" });
  } else {
    await go();
  }
}

async function next() {
  await show(await persist("api/next"), true);
}

async function showEarlier(id, push) {
  try {
    await show(await persist(`api/assignments/${id}`), push);
  } catch {
    await next();
  }
}

// Back undoes a step inside the picture before it leaves the picture.
function back() {
  if (busy) return;
  if (answering.back()) askNow();
  else if (current.previous) showEarlier(current.previous, true);
}

// Keys

let keysOn = true;
try {
  keysOn = localStorage.getItem(KEYS_OFF) === null;
} catch { /* keep the default */ }

function openKeys() {
  const step = answering.step;
  const rows = answering.choices(step).map((c) => [c.letter ? `${c.key} / ${c.letter}` : c.key, c.label]);
  if (step.kind === "slider") rows.push(["← →", texts.key_slider], ["Enter", texts.key_confirm]);
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

const typing = (target) => target.closest("textarea, input:not([type=range])");

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (byId("zoom").open) {
    if (event.key === "+" || event.key === "=") resize(1.5);
    if (event.key === "-") resize(1 / 1.5);
    return;
  }
  if (byId("keys").open || byId("task").hidden || !byId("message").hidden || !keysOn) return;
  if (typing(event.target)) {
    if (event.key === "Escape") byId("question").focus();
    return;
  }
  const key = event.key.toLowerCase();
  const pressed = [...byId("choices").querySelectorAll("button[data-choice]:not(:disabled)")].find((button) =>
    button.getAttribute("aria-keyshortcuts").split(" ").includes(key),
  );
  const act = pressed
    ? () => pressed.click()
    : {
        backspace: back,
        z: () => openZoom(current.pictures, current.questions[0].steps ? 0 : current.pictures.length - 1),
        c: () => byId("comment").focus(),
        "?": openKeys,
      }[key];
  if (act) {
    event.preventDefault();
    act();
  }
});

byId("help").addEventListener("click", openKeys);
byId("keys-close").addEventListener("click", () => byId("keys").close());
byId("keys-on").addEventListener("change", (event) => {
  keysOn = event.target.checked;
  try {
    if (keysOn) localStorage.removeItem(KEYS_OFF);
    else localStorage.setItem(KEYS_OFF, "1");
  } catch { /* holds for this page */ }
});
byId("back").addEventListener("click", back);
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
    await show(await persist("api/next"), false);
  } catch (error) {
    message(settings.errors.error_heading, error.message, null, { kind: "wrong" });
  }
})();
