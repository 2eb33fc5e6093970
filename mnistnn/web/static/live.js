// The part of a page that is about runs: asked for, drawn, and renewed when something happens to one of them.
import { api, events } from "/static/api.js";
import { hiddenCurves, hideCurves } from "/static/report.js";

const part = document.getElementById("part");
const [, kind, id] = location.pathname.split("/");
const wanted = new URLSearchParams(location.search).get("runs") ?? "";
const address = {
  "": () => "/api/runs",
  run: () => `/api/run/${encodeURIComponent(id)}/view`,
  latest: () => "/api/latest",
  compare: () => `/api/compare?${new URLSearchParams({ runs: wanted })}`,
}[kind];
const concerns = (run) => run === "all" || (kind === "run" ? run === id : kind === "compare" ? wanted.split(",").includes(run) : true);

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

// Put a new part in the place of the old one; what was opened, chosen or focused stays so.
function show(html) {
  const open = new Set([...part.querySelectorAll("details[open]")].map((each) => each.id));
  const chosen = new Set([...part.querySelectorAll(".chosen:checked")].map((each) => each.value));
  const focused = document.activeElement, place = [...part.querySelectorAll("a, input, summary, [tabindex]")].indexOf(focused);
  const { scrollX, scrollY } = window;
  part.innerHTML = html;
  for (const each of part.querySelectorAll("details")) each.open = open.has(each.id);
  for (const each of part.querySelectorAll(".chosen")) each.checked = chosen.has(each.value);
  if (place >= 0) part.querySelectorAll("a, input, summary, [tabindex]")[place]?.focus({ preventScroll: true });
  window.scrollTo(scrollX, scrollY);
  const title = part.querySelector("h1");
  if (title) document.title = title.textContent;
  hideCurves(hiddenCurves());
}

const compare = document.getElementById("compare");
if (compare) {
  compare.addEventListener("click", () => {
    const runs = [...part.querySelectorAll(".chosen:checked")].map((each) => each.value).join(",");
    compare.href = `/compare?${new URLSearchParams({ runs })}`;
  });
}
events((event) => {
  if (concerns(event.run)) renew();
});
