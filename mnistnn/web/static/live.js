// The part of a page that is about runs: asked for, drawn, and renewed when something happens to one of them.
import { api, events } from "/static/api.js";

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

const PAUSE_MS = 1000, PATIENCE = 20;  // between renewals: a second, and twenty times as long as the last one took
const known = new Map();  // how runs stood when they were told of last
let resting = false, again = false;

// Ask for the part, and again after a pause if something has happened meanwhile.
async function renew() {
  again = true;
  if (resting) return;
  resting = true;
  again = false;
  const began = performance.now();
  try {
    show(await (await api(address())).text());
  } catch (error) {
    if (!(error instanceof TypeError)) part.replaceChildren(Object.assign(document.createElement("p"), { textContent: error.message }));
  }
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
  for (const figure of part.querySelectorAll(".chart")) tellValues(figure);
}

// Show the values under the pointer below a chart.
function tellValues(figure) {
  const svg = figure.querySelector("svg[role=img]"), cursor = svg.querySelector(".cursor"), said = figure.querySelector(".values");
  const { low, high, left, right, x: xName, unit } = svg.dataset;
  let lines = null;
  const nearest = (points, x) => points.reduce((a, b) => (Math.abs(b[0] - x) < Math.abs(a[0] - x) ? b : a));
  const tell = (event) => {
    lines ??= [...svg.querySelectorAll("[data-values]")].map((line) => ({
      label: line.dataset.label,
      points: line.dataset.values.split(" ").map((point) => point.split(",").map(Number)),
    }));
    if (!lines.length) return;
    const box = svg.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
    const share = Math.min(1, Math.max(0, (at - left) / (right - left)));
    const x = nearest(lines.flatMap((line) => line.points), +low + share * (high - low))[0];
    const where = +left + ((x - low) / (high - low)) * (right - left);
    cursor.setAttribute("x1", where);
    cursor.setAttribute("x2", where);
    svg.classList.add("shown");
    said.textContent = [`${xName} ${x}`, ...lines.map(({ label, points }) => {
      const [place, y, deviation] = nearest(points, x);
      return `${label} ${y}${deviation ? ` ± ${deviation}` : ""}${unit}${place === x ? "" : ` (at ${place})`}`;
    })].join("   ");
  };
  svg.addEventListener("pointermove", tell);
  svg.addEventListener("pointerdown", tell);
  svg.addEventListener("pointerleave", () => {
    svg.classList.remove("shown");
    said.textContent = "";
  });
}

const compare = document.getElementById("compare");
if (compare) {
  compare.addEventListener("click", () => {
    const runs = [...part.querySelectorAll(".chosen:checked")].map((each) => each.value).join(",");
    compare.href = `/compare?${new URLSearchParams({ runs })}`;
  });
}
events((event) => {
  const standing = `${event.rows} ${event.state}`, before = known.get(event.run);
  known.set(event.run, standing);
  if (!concerns(event.run)) return;
  if (event.run === "all" || (!event.first && standing !== before)) renew();
  else tellProgress(event);
});
