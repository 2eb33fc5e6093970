// The part of a page that is about runs: asked for, drawn, and renewed when something happens to one of them.
import { api, events } from "/static/api.js";
import { note } from "/static/news.js";
import { applyChoices, chosenRuns, onChoice, query } from "/static/view.js";

const part = document.getElementById("part");
const [, kind, id] = location.pathname.split("/");
const address = {
  "": () => "/api/runs",
  run: () => `/api/run/${encodeURIComponent(id)}/view?${query()}`,
  latest: () => `/api/latest?${query()}`,
  compare: () => `/api/compare?${query()}`,
}[kind];
const concerns = (run) => run === "all" || (kind === "run" ? run === id : kind === "compare" ? chosenRuns().includes(run) : true);

const FOCUSABLE = "a[href], button, input, select, summary, [tabindex]";

const PAUSE_MS = 1000, PATIENCE = 20;  // between renewals: a second, and twenty times as long as the last one took
const known = new Map();  // how runs stood when they were told of last
let resting = false, again = false, asked = 0;

// Ask for the part, and show it unless something else was asked for meanwhile.
async function ask() {
  const number = ++asked;
  try {
    const html = await (await api(address())).text();
    if (number === asked) show(html);
  } catch (error) {
    if (error instanceof TypeError) setTimeout(renew, PAUSE_MS);  // nobody answered
    else part.replaceChildren(Object.assign(document.createElement("p"), { textContent: error.message }));
  }
}

// Ask for the part, and again after a pause if something has happened meanwhile.
async function renew() {
  again = true;
  if (resting) return;
  resting = true;
  again = false;
  const began = performance.now();
  await ask();
  const pause = Math.max(PAUSE_MS, PATIENCE * (performance.now() - began));
  setTimeout(() => {
    resting = false;
    if (again) renew();
  }, pause);
}

// Move the bars of a run.
function tellProgress({ run, progress }) {
  for (const each of part.querySelectorAll(`.under-way[data-run="${CSS.escape(run)}"]`)) {
    const [bar, text] = each.children;
    each.hidden = !progress;
    bar.hidden = !progress?.most;
    if (progress?.most) {
      bar.max = progress.most;
      bar.value = progress.done;
    }
    text.textContent = progress?.text ?? "";
  }
}

// Put a new part in the place of the old one; what was opened or focused stays so.
function show(html) {
  const open = new Set([...part.querySelectorAll("details[open]")].map((each) => each.id));
  const focused = document.activeElement, place = [...part.querySelectorAll(FOCUSABLE)].indexOf(focused);
  const { scrollX, scrollY } = window;
  part.innerHTML = html;
  for (const each of part.querySelectorAll("details")) each.open = open.has(each.id);
  applyChoices(part);
  if (place >= 0) part.querySelectorAll(FOCUSABLE)[place]?.focus({ preventScroll: true });
  window.scrollTo(scrollX, scrollY);
  const title = part.querySelector("h1");
  if (title) document.title = title.textContent;
}

onChoice(ask);
events((event) => {
  note(event);
  const standing = `${event.rows} ${event.state}`, before = known.get(event.run);
  known.set(event.run, standing);
  if (!concerns(event.run)) return;
  if (event.run === "all" || (!event.first && standing !== before)) renew();
  else tellProgress(event);
});
