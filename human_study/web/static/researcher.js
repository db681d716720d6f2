"use strict";
// The researcher's page: asks for the figures every few seconds and shows them.

import { byId, call, element } from "./page.js";

const REFRESH_MS = 10000;
const percent = (share) => (share === null || share === undefined ? "–" : `${Math.round(share * 100)} %`);
const figure = (value, digits = 2) => (value === null || value === undefined ? "–" : value.toFixed(digits));

function drawn(tag, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

const number = (n, one, many) => `${n} ${n === 1 ? one : many}`;

const RULES = {
  min_gold_accuracy: (v) => `at least ${percent(v)} of known answers right`,
  min_repeat_agreement: (v) => `at least ${percent(v)} of repeats answered alike`,
  max_fast_share: (v, all) => `at most ${percent(v)} of answers under ${all.fast_seconds} s`,
  max_identical_share: (v) => `at most ${percent(v)} one and the same answer`,
  max_identical_run: (v) => `at most ${v} times the same answer in a row`,
};

function bars(rows, total) {
  const list = element("dl", { class: "bars" });
  for (const [label, count] of rows) {
    const bar = element("progress", { max: Math.max(total, 1), value: count, "aria-label": label });
    list.append(element("dt", {}, label), element("dd", {}, bar), element("dd", {}, count));
  }
  return list;
}

// The interval on a line from -0.2 to 1: a bar for the interval, a dot for the value.
function intervalPlot(found) {
  const x = (v) => 8 + ((Math.max(v, -0.2) + 0.2) / 1.2) * 384;
  const plot = drawn("svg", { class: "plot", viewBox: "0 0 400 34", role: "img", "aria-label": "Agreement and its 95 % interval" });
  plot.append(drawn("line", { x1: x(-0.2), x2: x(1), y1: 12, y2: 12, stroke: "var(--line)", "stroke-width": 2 }));
  for (const tick of [0, 0.5, 1]) {
    plot.append(drawn("line", { x1: x(tick), x2: x(tick), y1: 7, y2: 17, stroke: "var(--line)", "stroke-width": 2 }));
    plot.append(drawn("text", { x: x(tick), y: 31, "text-anchor": tick === 1 ? "end" : "middle" }, String(tick)));
  }
  if (found.low !== null) {
    plot.append(drawn("line", { x1: x(found.low), x2: x(found.high), y1: 12, y2: 12, stroke: "var(--accent)", "stroke-width": 6, "stroke-linecap": "round" }));
  }
  plot.append(drawn("circle", { cx: x(found.value), cy: 12, r: 6, fill: "var(--card)", stroke: "var(--accent)", "stroke-width": 3 }));
  return plot;
}

function duration(hours) {
  if (hours === null || hours === undefined) return "–";
  if (hours === 0) return "0 min";
  if (hours < 1) return `${Math.max(Math.round(hours * 60), 1)} min`;
  return hours < 48 ? `${hours.toFixed(1)} h` : `${(hours / 24).toFixed(1)} days`;
}

const withInterval = (found) =>
  found.value === null ? "–" : `${figure(found.value)}${found.low === null ? "" : ` (${figure(found.low)} to ${figure(found.high)})`}`;

const heading = (names) =>
  element("thead", {}, element("tr", {}, ...names.map((n) => element("th", { scope: "col", class: n === "Flags" ? "words" : null }, n))));

let latest = []; // every item as the server told it last

function show(status) {
  byId("state").textContent = status.state;
  byId("state").className = `pill ${status.state}`;
  for (const button of document.querySelectorAll("[data-state]")) button.hidden = button.dataset.state === status.state;

  const progress = status.progress;
  byId("answered").textContent = `${progress.answered} of ${progress.wanted}`;
  byId("progress").value = progress.share ?? 0;
  byId("answered-more").textContent = `${progress.items_done} of ${progress.items} items complete, ${number(progress.in_flight, "picture", "pictures")} being looked at`;

  const { everybody, after_exclusion: kept, excluded } = status.agreement;
  const interval = everybody.low === null ? "" : `${figure(everybody.low)} to ${figure(everybody.high)}`;
  byId("agreement").replaceChildren(figure(everybody.value), element("span", { class: "small" }, interval));
  byId("agreement-plot").replaceChildren(...(everybody.value === null ? [] : [intervalPlot(everybody)]));
  byId("agreement-more").textContent =
    everybody.value === null
      ? everybody.reason
      : `Krippendorff's alpha on ${everybody.n} answered questions` +
        (excluded ? `; ${withInterval(kept)} without the ${excluded} whom the rules leave out` : "");

  byId("eta").textContent = duration(status.time.hours_left);
  byId("pace").textContent = status.time.per_hour
    ? `${Math.round(status.time.per_hour)} pictures an hour, ${figure(status.time.median_seconds, 1)} s each (median)`
    : status.time.reason;
  byId("working").textContent = status.working_now;
  byId("working-more").textContent = `${number(status.raters.length, "rater", "raters")}, ${status.raters.filter((r) => r.finished).length} finished`;

  const head = ["Rater", "Pictures", "Known answers", "Repeats alike", "Seconds", "Under limit", "Longest run", "Can't tell", "Idle", "Flags"];
  byId("raters").replaceChildren(
    heading(head),
    element(
      "tbody",
      {},
      ...status.raters.map((r) =>
        element(
          "tr",
          {},
          element("th", { scope: "row" }, r.rater_id),
          element("td", {}, r.answered),
          element("td", {}, r.gold ? `${percent(r.gold_accuracy)} of ${r.gold}` : "–"),
          element("td", {}, r.repeats ? `${percent(r.repeat_agreement)} of ${r.repeats}` : "–"),
          element("td", {}, figure(r.median_seconds, 1)),
          element("td", {}, percent(r.fast_share)),
          element("td", {}, r.longest_run),
          element("td", {}, percent(r.cannot_tell_share)),
          element("td", {}, duration(r.idle_minutes / 60)),
          element("td", { class: "words" }, ...r.excluded.map((why) => element("span", { class: "flag" }, why)),
            ...(r.platform_status ? [element("span", { class: "small" }, r.platform_status)] : [])),
        ),
      ),
    ),
  );
  const rules = Object.entries(RULES).filter(([name]) => status.rules[name] !== null).map(([name, say]) => say(status.rules[name], status.rules));
  byId("rules").textContent = `Rules written before the data: ${rules.join("; ") || "none"}. The analysis shows results with and without them.`;

  showOutcomes(status);
  showRegistration(status.registration);
  const remarks = [...status.notes, ...status.rules_that_cannot_fire];
  byId("remarks").replaceChildren(...remarks.map((r) => element("p", {}, r)));
  byId("remarks").hidden = !remarks.length;

  const coverage = Object.entries(progress.by_number_of_raters).map(([n, count]) => [number(Number(n), "rater", "raters"), count]);
  byId("coverage").replaceChildren(bars(coverage, progress.items));
  latest = status.items;
  if (byId("every").open) showItems();
  const answers = Object.entries(status.answers).map(([name, count]) => [name.replace("_", " "), count]);
  byId("distribution").replaceChildren(answers.length ? bars(answers, answers.reduce((sum, [, n]) => sum + n, 0)) : "No answers yet.");
  byId("comments").replaceChildren(
    ...(status.comments.length
      ? status.comments.map((c) => element("li", {}, c.comment, " ", element("span", { class: "small" }, `${c.item_id}, ${c.rater_id}`)))
      : [element("li", {}, "No comments yet.")]),
  );
  byId("updated").textContent = `Updated ${new Date().toLocaleTimeString()}`;
}

// How visits ended, and what each way of ending one earns.
function showOutcomes(status) {
  const money = (amount) => (amount === null ? "–" : `${amount.toFixed(2)} ${status.currency}`);
  byId("outcomes").replaceChildren(
    heading(["Ended", "Raters", "Code", "Pay", "Per picture", "Owed"]),
    element(
      "tbody",
      {},
      ...Object.entries(status.outcomes).map(([name, o]) =>
        element(
          "tr",
          {},
          element("th", { scope: "row" }, name.replaceAll("_", " ")),
          ...[o.raters, o.code ?? "–", money(o.pay), money(o.pay_per_picture), money(o.owed)].map((c) => element("td", {}, c)),
        ),
      ),
    ),
  );
}

function showRegistration(registration) {
  const when = registration.at === null ? "" : new Date(registration.at * 1000).toLocaleString();
  byId("registered").textContent = {
    content: `What raters see and what the rules use is registered as ${registration.digest}, ${when}.`,
    names: `Registered by names alone, by an earlier version of genspace, ${when}. Content is registered at the next serving.`,
    "nothing yet": "Nothing is registered yet.",
  }[registration.by];
  byId("amendments").replaceChildren(
    ...(registration.amendments.length
      ? registration.amendments.map((a) =>
          element("li", {}, a.reason, " ", element("span", { class: "small" },
            `${new Date(a.at * 1000).toLocaleString()}, after ${number(a.answers_before, "picture", "pictures")}: ${a.changed}`)))
      : [element("li", {}, "No amendments.")]),
    ...registration.updates.map((a) => element("li", {}, `Changed ${a.changed}, after ${number(a.answers_before, "picture", "pictures")}.`)),
  );
}

// Every item, those with the fewest answers first; built only while it is looked at.
function showItems() {
  const rows = [...latest].sort((a, b) => a.done - a.wanted - (b.done - b.wanted));
  byId("items").replaceChildren(
    heading(["Item", "Answers", "Wanted", "Being looked at"]),
    element(
      "tbody",
      {},
      ...rows.map((u) =>
        element(
          "tr",
          {},
          element("th", { scope: "row" }, u.items.join(", ")),
          ...[u.done, u.wanted, Math.max(u.assigned - u.done, 0)].map((n) => element("td", {}, n)),
        ),
      ),
    ),
  );
}

async function refresh() {
  try {
    show(await call("researcher/api/status"));
    byId("notice").hidden = true;
  } catch (error) {
    byId("notice").textContent = `No connection to the server: ${error.message}`;
    byId("notice").hidden = false;
  }
}

for (const button of document.querySelectorAll("[data-state]")) {
  button.addEventListener("click", async () => {
    await call("researcher/api/state", { state: button.dataset.state });
    await refresh();
  });
}
byId("every").addEventListener("toggle", showItems);
const join = byId("join");
join.value = decodeURI(new URL(join.dataset.path, location.href).href);
byId("copy").addEventListener("click", async () => {
  join.select();
  await navigator.clipboard.writeText(join.value);
  byId("copy").textContent = "Copied";
});

async function keepFresh() {
  if (!document.hidden) await refresh();
  setTimeout(keepFresh, REFRESH_MS);
}
keepFresh();
