// Filters of the gallery: by column, judge and text. The page is complete without this script; it shows less of it.
"use strict";
for (const root of document.querySelectorAll(".explore")) {
  const data = JSON.parse(root.querySelector("script.data").textContent);
  const form = root.querySelector("form");
  const box = root.querySelector(".cards");
  const body = root.querySelector(".items tbody");
  const drawn = new Map([...box.children].map((card) => [Number(card.dataset.item), card]));
  const texts = data.ids.map((id, i) => `${id} ${data.prompts[i]}`.toLowerCase());
  const cardsAtFirst = 12, cardsAtOnce = 24, rowsAtOnce = 200;
  let found = data.ids.map((_, i) => i);
  const waiting = { cards: found.filter((i) => !drawn.has(i)), rows: found.slice(body.children.length) };

  const make = (tag, text = "", name = "") => {
    const node = document.createElement(tag);
    node.textContent = text;
    if (name) node.className = name;
    return node;
  };
  const number = (value, digits = 3) => value.toFixed(Math.abs(value) < 10 ? digits : Math.max(digits - 2, 0));
  const name = (i) => data.ids[i] + (data.others[i] ? ` / ${data.others[i]}` : "");
  const shown = (score) => (typeof score === "number" ? number(score) : score || "–");
  const byGap = (i) => (a, b) => Math.abs(data.gaps[b][i] ?? -1) - Math.abs(data.gaps[a][i] ?? -1);
  const everyJudge = data.judges.map((_, j) => j);
  const worst = (i) => [...everyJudge].sort(byGap(i))[0];

  function gapCell(gap) {
    const cell = make("td", "", "gap");
    if (gap === null) return cell;
    const track = make("span", "", "track");
    const bar = make("span", "", gap < 0 ? "lower" : "higher");
    bar.style.left = `${50 + Math.min(gap, 0) / 2}%`;
    bar.style.width = `${Math.abs(gap) / 2}%`;
    track.append(bar);
    cell.append(track, make("span", (gap < 0 ? "−" : "+") + Math.abs(gap), "points"));
    return cell;
  }
  function line(head, score, last, kind) {
    const row = make("tr", "", kind);
    const th = make("th", head);
    th.scope = "row";
    th.title = head;
    row.append(th, make("td", score, "n"), last);
    return row;
  }
  function card(i) {
    if (drawn.has(i)) return drawn.get(i);
    const node = make("article", "", "card");
    const pictures = make("div", "", "pictures");
    if (data.links[i]) {
      const figure = make("figure", "", "picture");
      const link = make("a");
      const image = make("img");
      link.href = image.src = data.links[i];
      image.loading = "lazy";
      image.alt = data.prompts[i] || data.ids[i];
      image.onerror = () => figure.remove();
      link.append(image);
      figure.append(link);
      pictures.append(figure);
    }
    const tags = data.filters.map((f) => f.values[f.codes[i]]).filter(Boolean);
    const answers = make("table", "", "answers");
    const mean = data.means[i] === null ? "–" : number(data.means[i], 2);
    answers.append(line(data.reference, mean, make("td", data.answers[i]), "said"));
    for (const j of [...everyJudge].sort(byGap(i)))
      answers.append(line(data.judges[j], shown(data.scores[j][i]), gapCell(data.gaps[j][i]), ""));
    node.append(pictures, make("p", data.prompts[i], "prompt"), make("p", [name(i), ...tags].join(" · "), "id"), answers);
    drawn.set(i, node);
    return node;
  }
  function row(i) {
    const node = make("tr");
    const judge = form.querySelector("[data-judge]").value;
    const j = judge === "" ? worst(i) : Number(judge);
    const id = make("td", data.links[i] ? "" : name(i), "id");
    if (data.links[i]) {
      const link = make("a", name(i));
      link.href = data.links[i];
      id.append(link);
    }
    node.append(id, make("td", data.prompts[i]), ...data.filters.map((f) => make("td", f.values[f.codes[i]])));
    node.append(make("td", data.means[i] === null ? "–" : number(data.means[i], 2), "n"));
    node.append(make("td", data.judges[j]), make("td", shown(data.scores[j][i]), "n"), gapCell(data.gaps[j][i]));
    return node;
  }
  function distances() {
    const table = root.querySelectorAll(".distances tr");
    data.judges.forEach((_, j) => {
      const known = found.map((i) => data.gaps[j][i]).filter((gap) => gap !== null);
      const mean = known.reduce((sum, gap) => sum + Math.abs(gap), 0) / known.length;
      const cells = table[j].querySelectorAll("td");
      cells[0].firstElementChild.style.width = known.length ? `${mean}%` : "0";
      cells[1].textContent = known.length ? mean.toFixed(1) : "–";
      cells[2].textContent = `${known.length.toLocaleString("en")} items`;
    });
  }
  function more(kind) {
    const [target, make, count] = kind === "cards" ? [box, card, cardsAtOnce] : [body, row, rowsAtOnce];
    target.append(...waiting[kind].splice(0, count).map(make));
    root.querySelector(`[data-more=${kind}]`).hidden = waiting[kind].length === 0;
  }
  function apply() {
    const chosen = data.filters.map((_, f) => form.querySelector(`[data-filter="${f}"]`).value);
    const judge = form.querySelector("[data-judge]").value;
    const words = form.querySelector("input").value.trim().toLowerCase();
    found = [];
    for (let i = 0; i < data.ids.length; i++)
      if (chosen.every((value, f) => value === "" || data.filters[f].codes[i] === Number(value)) && texts[i].includes(words)
          && (judge === "" || data.gaps[judge][i] !== null)) found.push(i);
    if (judge !== "") found.sort((a, b) => Math.abs(data.gaps[judge][b]) - Math.abs(data.gaps[judge][a]));
    form.querySelector("output").textContent = `${found.length.toLocaleString("en")} of ${data.ids.length.toLocaleString("en")} items`;
    box.replaceChildren();
    body.replaceChildren();
    waiting.cards = [...found];
    waiting.rows = [...found];
    more("cards");
    more("rows");
    distances();
  }
  const first = [...box.children].slice(cardsAtFirst);
  for (const node of first) node.remove();
  waiting.cards.unshift(...first.map((node) => Number(node.dataset.item)));
  form.hidden = false;
  form.addEventListener("change", apply);
  form.addEventListener("input", (event) => event.target.type === "search" && apply());
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply));
  for (const button of root.querySelectorAll("[data-more]")) {
    button.hidden = waiting[button.dataset.more].length === 0;
    button.addEventListener("click", () => more(button.dataset.more));
  }
}
