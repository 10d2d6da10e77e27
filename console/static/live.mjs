// Keeps an open page up to date: texts once a second, tables and charts every few seconds. It
// touches nothing that has the focus or is selected.

const states = ["ok", "warn", "error", "note"];
const root = document.body.dataset.root;
const toggle = document.querySelector("[data-live-switch]");
const clock = document.querySelector("[data-live-clock]");
let events;
let renewing = false;

const isLive = () => document.querySelector("[data-live], [data-renew]") !== null;

function show(values) {
  for (const element of document.querySelectorAll("[data-live]")) {
    const name = element.dataset.live;
    const text = values[name];
    if (text !== undefined && element.textContent !== text) element.textContent = text;
    const state = values[`${name}.state`];
    if (state && !element.classList.contains(state)) {
      element.classList.remove(...states);
      element.classList.add(state);
    }
  }
}

const inUse = (element) =>
  element.contains(document.activeElement) ||
  [...document.querySelectorAll("dialog[open]")].some((open) => element.contains(open)) ||
  (!getSelection().isCollapsed && getSelection().containsNode(element, true));

// Puts parts of the page, as the server shows them now, in the place of those that are here.
async function renew() {
  const parts = [...document.querySelectorAll("[data-renew]")];
  if (renewing || parts.length === 0 || document.hidden) return;
  renewing = true;
  try {
    const answer = await fetch(location.href, { redirect: "error" });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const old of parts) {
      const fresh = page.querySelector(`[data-renew="${CSS.escape(old.dataset.renew)}"]`);
      if (!fresh || inUse(old) || old.isEqualNode(fresh)) continue;
      keepOpen(old, fresh);
      old.replaceWith(document.adoptNode(fresh));
    }
    outdated(page);
  } catch {
    // The next event tries again; the state of the connection is shown anyway.
  } finally {
    renewing = false;
  }
}

// Forms stay as they are. One that would be shown with another state now says so.
function outdated(page) {
  for (const form of document.querySelectorAll("[data-shown]")) {
    const fresh = page.querySelector(`[data-shown][action="${CSS.escape(form.getAttribute("action"))}"]`);
    const note = form.previousElementSibling;
    if (fresh && note?.matches("[data-outdated]")) note.hidden = fresh.dataset.shown === form.dataset.shown;
  }
}

// Details that are open stay open, and tables stay where they are scrolled to.
function keepOpen(old, fresh) {
  const details = fresh.querySelectorAll("details");
  old.querySelectorAll("details").forEach((d, i) => { if (details[i]) details[i].open = d.open; });
  const tables = fresh.querySelectorAll(".table");
  const at = [...old.querySelectorAll(".table")].map((t) => [t.scrollLeft, t.scrollTop]);
  requestAnimationFrame(() => at.forEach(([x, y], i) => tables[i]?.scrollTo(x, y)));
}

function say(text) {
  if (clock && clock.textContent !== text) clock.textContent = text;
}

function start() {
  events = new EventSource(`${root}live`);
  const take = (event) => {
    const values = JSON.parse(event.data);
    show(values);
    say(`live, ${values.at}`);
  };
  events.addEventListener("values", take);
  events.addEventListener("renew", (event) => { take(event); renew(); });
  events.addEventListener("error", () => {
    if (events.readyState === EventSource.CLOSED) say("not live: load the page again");
    else say("not live: connecting again …");
  });
}

function stop() {
  events?.close();
  events = undefined;
}

function turn(on) {
  toggle.setAttribute("aria-pressed", String(on));
  toggle.textContent = on ? "Pause updates" : "Update live";
  if (on) start();
  else { stop(); say("updates are paused"); }
}

if (isLive() && toggle) {
  toggle.hidden = false;
  toggle.addEventListener("click", () => turn(events === undefined));
  turn(true);
  // A page that nobody sees costs nothing.
  document.addEventListener("visibilitychange", () => {
    if (toggle.getAttribute("aria-pressed") !== "true") return;
    if (document.hidden) stop();
    else if (!events) start();
  });
}
