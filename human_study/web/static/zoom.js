// One picture at a time, larger, with a switch between them at the same place and size.
import { byId, element } from "./page.js";

let pictures = [];
let scale = 1;

export function openZoom(shown, index) {
  if (!shown.length) return;
  pictures = shown;
  scale = 1;
  byId("zoom-which").replaceChildren(
    ...(pictures.length > 1 ? pictures : []).map((picture, at) => {
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
  byId("zoom-image").src = pictures[index].url;
  byId("zoom-image").alt = pictures[index].label;
  [...byId("zoom-which").children].forEach((b, at) => b.setAttribute("aria-pressed", String(at === index)));
  resize(1);
}

export function resize(factor) {
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

byId("zoom-in").addEventListener("click", () => resize(1.5));
byId("zoom-out").addEventListener("click", () => resize(1 / 1.5));
byId("zoom-close").addEventListener("click", () => byId("zoom").close());
