"use strict";
// The pages are whole without this. It shows times in the viewer's zone, and fetches the page anew when it moved.

const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const steps = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

function told(date) {
  const seconds = (date - Date.now()) / 1000;
  if (Math.abs(seconds) > 7 * 86400) return absolute.format(date);
  const [unit, size] = steps.find(([, size]) => Math.abs(seconds) >= size) || steps[3];
  return relative.format(Math.round(seconds / size), unit);
}

function localise() {
  for (const time of document.querySelectorAll("time[datetime]")) {
    const date = new Date(time.dateTime);
    time.textContent = told(date);
    time.title = absolute.format(date);
  }
}

function follow(main) {
  const live = document.getElementById("live");
  const source = new EventSource(main.dataset.live);
  source.addEventListener("open", () => { live.hidden = false; live.textContent = "live"; live.className = "live"; });
  source.addEventListener("error", () => { live.hidden = false; live.textContent = "not connected"; live.className = "live lost"; });
  source.addEventListener("moved", async (event) => {
    if (event.data !== main.dataset.version) await renew(main);
  });
}

function isTyping(main) {
  const field = document.activeElement;
  return main.contains(field) && field.matches("input") && field.value !== "";
}

async function renew(main) {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok) return;
  if (isTyping(main)) return; // what is typed is not taken away; the next move brings the page up to date
  const next = new DOMParser().parseFromString(await answer.text(), "text/html");
  const open = new Set([...main.querySelectorAll("details[open] > summary")].map((each) => each.textContent));
  main.dataset.version = next.getElementById("main").dataset.version;
  main.replaceChildren(...next.getElementById("main").childNodes);
  document.title = next.title;
  for (const summary of main.querySelectorAll("details > summary")) {
    if (open.has(summary.textContent)) summary.parentElement.open = true;
  }
  prepare();
}

function prepare() {
  localise();
  for (const field of document.querySelectorAll("[data-submits]")) {
    field.addEventListener("change", () => field.form.requestSubmit());
  }
}

prepare();
setInterval(localise, 20000);
const main = document.querySelector("[data-live]");
if (main) follow(main);
