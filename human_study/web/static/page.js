// What every script of the study's pages needs: elements by id, new elements, and asking the server.

export const byId = (id) => document.getElementById(id);
export const settings = JSON.parse(byId("settings").textContent);

export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.map((child) => (child instanceof Node ? child : String(child))));
  return node;
}

export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

// Addresses are relative: the study may live under any path.
export async function call(path, body) {
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
  throw new Refused(response.status, told.message || response.statusText);
}
