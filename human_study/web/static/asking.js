// Shows a step: its question, its answers as buttons, a slider, or a reason in words.
import { byId, element, fill, settings } from "./page.js";
import { CANNOT_TELL } from "./steps.js";

const texts = settings.texts;

export function ask(answering, choose) {
  const { payload, step } = answering;
  const questions = payload.questions;
  byId("question").textContent = step.text;
  const { text, note } = step.question;
  const more = { place: [text, note].filter(Boolean).join(" "), sure: text, why: text }[step.kind] ?? note;
  byId("question-more").textContent = more;
  byId("question-more").hidden = !more;
  byId("question-number").hidden = questions.length < 2;
  byId("question-number").textContent = fill(texts.question_of, {
    number: questions.indexOf(step.question) + 1,
    total: questions.length,
  });
  const box = byId("choices");
  box.className = `choices ${step.kind === "choice" ? step.question.kind : step.kind}`;
  const make = { slider, why }[step.kind] ?? buttons;
  box.replaceChildren(...make(answering, choose));
  markPictures(answering);
  byId("back").textContent = answering.at ? texts.back_question : texts.back;
  byId("back").disabled = !answering.at && !payload.previous;
}

function button(choice, { pressed = false, disabled = false } = {}) {
  return element(
    "button",
    {
      type: "button", "data-choice": choice.name, "aria-pressed": String(pressed), "data-taken": disabled ? "" : null,
      "aria-keyshortcuts": choice.letter ? `${choice.key} ${choice.letter}` : choice.key,
      class: choice.name === CANNOT_TELL ? "aside" : null,
    },
    element("kbd", { "aria-hidden": "true" }, choice.key),
    element("span", {}, choice.label),
  );
}

function buttons(answering, choose) {
  const step = answering.step;
  const before = answering.before(step);
  const taken = answering.taken(step);
  return answering.choices(step).map((choice) => {
    const node = button(choice, { pressed: before === choice.name, disabled: taken.includes(choice.name) });
    node.addEventListener("click", () => choose(choice.name));
    return node;
  });
}

// The mark stands nowhere until it is moved, so that nobody answers with where it happened to stand.
function slider(answering, choose) {
  const { question } = answering.step;
  const before = answering.before(answering.step);
  const set = before !== undefined && before !== CANNOT_TELL;
  const [low, high] = question.labels;
  const input = element("input", {
    type: "range", min: question.low, max: question.high, step: 1, value: set ? before : (question.low + question.high) / 2,
    class: set ? null : "untouched", "aria-label": fill(texts.slider, { low, high }), id: "slider",
  });
  const shown = element("output", { for: "slider" }, set ? before : "–");
  const send = element("button", { type: "button", class: "main", disabled: !set, "data-send": "" }, texts.slider_send);
  const moved = () => {
    input.classList.remove("untouched");
    shown.textContent = input.value;
    send.disabled = false;
    delete send.dataset.taken;
  };
  if (!set) send.dataset.taken = "";
  for (const event of ["input", "pointerup"]) input.addEventListener(event, moved);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !send.disabled) choose(input.value);
  });
  send.addEventListener("click", () => choose(input.value));
  const ends = element("span", { class: "ends" }, element("span", {}, low), shown, element("span", {}, high));
  const aside = question.choices.map((choice) => {
    const node = button(choice, { pressed: before === choice.name });
    node.addEventListener("click", () => choose(choice.name));
    return node;
  });
  return [element("div", { class: "slide" }, input, ends), send, ...aside];
}

function why(answering, choose) {
  const before = answering.before(answering.step) ?? "";
  const { options, required } = settings.why;
  const input = element("textarea", { id: "why", rows: 2, maxlength: 500, dir: "auto" });
  if (before && !options.includes(before)) input.value = before;
  const send = element("button", { type: "button", class: "main", "data-send": "" }, texts.why_send);
  const tell = () => {
    const empty = !input.value.trim();
    send.disabled = required && empty;
    if (send.disabled) send.dataset.taken = "";
    else delete send.dataset.taken;
    send.textContent = !required && empty ? texts.why_skip : texts.why_send;
  };
  tell();
  input.addEventListener("input", tell);
  send.addEventListener("click", () => choose(input.value.trim()));
  const given = options.map((label, n) => {
    const node = button({ name: label, label, key: String(n + 1), letter: "" }, { pressed: before === label });
    node.addEventListener("click", () => choose(label));
    return node;
  });
  const words = element("div", { class: "words" }, element("label", { for: "why" }, texts.why_other), input, send);
  return [...given, words];
}

// In a group, the pictures chosen so far bear their place.
function markPictures(answering) {
  const places = answering.taken(answering.step);
  document.querySelectorAll("#pictures .picture").forEach((picture, n) => {
    const place = places.indexOf(String(n));
    if (place < 0) delete picture.dataset.place;
    else picture.dataset.place = String(place + 1);
  });
}

export function enable(on) {
  for (const node of byId("choices").querySelectorAll("button, input, textarea")) {
    node.disabled = !on || node.dataset.taken !== undefined;
  }
}
