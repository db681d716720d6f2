// Every answer is kept in the browser until the server has acknowledged it, and carries an identifier of its own, so that
// a retry after a lost connection stores it exactly once.
import { byId, call, Refused, settings } from "./page.js";

const UNSENT = `genspace-${settings.study}-unsent-`;

export function notice(text) {
  byId("notice").textContent = text || "";
  byId("notice").hidden = !text;
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
export async function persist(path, body) {
  for (let pause = 1; ; pause = Math.min(pause * 2, 15)) {
    try {
      const result = await call(path, body);
      notice("");
      return result;
    } catch (error) {
      if (error instanceof Refused && error.status < 500 && error.status !== 429) throw error;
      notice(error instanceof Refused ? error.message : settings.texts.offline);
      await wait(pause);
    }
  }
}

export function remember(id, body) {
  try {
    localStorage.setItem(UNSENT + id, JSON.stringify(body));
  } catch { /* private mode: the answer still waits on the page */ }
}

export function forget(id) {
  try {
    localStorage.removeItem(UNSENT + id);
  } catch { /* nothing was kept */ }
}

export async function sendWhatIsLeft() {
  let left = [];
  try {
    left = Object.keys(localStorage).filter((key) => key.startsWith(UNSENT));
  } catch { /* nothing was kept */ }
  for (const key of left) {
    const id = key.slice(UNSENT.length);
    try {
      await persist(`api/assignments/${id}/answer`, JSON.parse(localStorage.getItem(key)));
    } catch { /* answered elsewhere meanwhile, or not this rater's */ }
    forget(id);
  }
}

export function identifier() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}
