// One picture is answered in steps: each question, after it (where the study asks) how sure, and why not. A group of
// pictures is put in order one place after the other. Going back undoes a step and keeps what was said before it.
import { settings } from "./page.js";

export const CANNOT_TELL = "cannot_tell";

export class Answering {
  constructor(payload) {
    this.payload = payload;
    this.given = {}; // question -> choice, number, or list of places
    this.sure = {};
    this.why = {};
    this.at = 0;
  }

  get steps() {
    return this.payload.questions.flatMap((question) => this.#stepsOf(question));
  }

  get step() {
    return this.steps[this.at];
  }

  get isDone() {
    return this.at >= this.steps.length;
  }

  #stepsOf(question) {
    const said = this.given[question.name];
    if (question.steps) {
      const places = question.steps.map((text, place) => ({ kind: "place", question, text, place }));
      return said === CANNOT_TELL ? places.slice(0, 1) : places;
    }
    const steps = [{ kind: question.kind === "slider" ? "slider" : "choice", question, text: question.text }];
    if (said === undefined || said === CANNOT_TELL) return steps;
    if (settings.confidence.length) steps.push({ kind: "sure", question, text: settings.texts.how_sure });
    const negative = question.choices.some((choice) => choice.name === said && choice.negative);
    if (negative && settings.why) steps.push({ kind: "why", question, text: settings.texts.why_not });
    return steps;
  }

  // What can be pressed at a step, and what was pressed the last time.
  choices(step) {
    if (step.kind === "sure") return settings.confidence;
    if (step.kind !== "place") return step.question.choices;
    const rest = step.place === 0 ? step.question.choices : [];
    return [...step.question.places, ...rest];
  }

  before(step) {
    const name = step.question.name;
    const earlier = this.payload.answers[name];
    if (step.kind === "sure") return this.sure[name] ?? this.payload.confidence[name];
    if (step.kind === "why") return this.why[name] ?? this.payload.why[name];
    if (step.kind !== "place") return this.given[name] ?? earlier;
    const places = this.given[name] ?? earlier?.split(",");
    return Array.isArray(places) && places[0] !== CANNOT_TELL ? places[step.place] : places && CANNOT_TELL;
  }

  taken(step) {
    const places = this.given[step.question.name];
    return step.kind === "place" && Array.isArray(places) ? places.slice(0, step.place) : [];
  }

  answer(value) {
    const step = this.step;
    const name = step.question.name;
    if (step.kind === "sure") this.sure[name] = value;
    else if (step.kind === "why") this.why[name] = value;
    else if (step.kind === "place" && value !== CANNOT_TELL) {
      this.given[name] = [...this.taken(step), value];
      if (step.question.kind === "ranking" && this.given[name].length === step.question.places.length - 1) {
        const last = step.question.places.find((place) => !this.given[name].includes(place.name));
        this.given[name].push(last.name); // only one is left
      }
    } else {
      if (this.given[name] !== value) {
        delete this.sure[name];
        delete this.why[name];
      }
      this.given[name] = value;
    }
    this.at += 1;
  }

  back() {
    if (this.at === 0) return false;
    this.at -= 1;
    return true;
  }

  body() {
    const choices = Object.fromEntries(
      Object.entries(this.given).map(([name, said]) => [name, Array.isArray(said) ? said.join(",") : String(said)]),
    );
    const asked = (kept, kind) =>
      Object.fromEntries(
        this.steps.filter((s) => s.kind === kind && kept[s.question.name]).map((s) => [s.question.name, kept[s.question.name]]),
      );
    return { choices, confidence: asked(this.sure, "sure"), why: asked(this.why, "why") };
  }
}
