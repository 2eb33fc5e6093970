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

let asking = false, again = false;

async function renew() {
  if (asking) {
    again = true;
    return;
  }
  asking = true;
  try {
    do {
      again = false;
      show(await (await api(address())).text());
    } while (again);
  } catch (error) {
    if (!(error instanceof TypeError)) part.replaceChildren(Object.assign(document.createElement("p"), { textContent: error.message }));
  } finally {
    asking = false;
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

onChoice(renew);
events((event) => {
  note(event);
  if (concerns(event.run)) renew();
});
