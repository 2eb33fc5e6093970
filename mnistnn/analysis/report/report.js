// What moves in charts: the values under the pointer, or where arrow keys lead, and curves that are hidden and shown
// by the buttons of a legend. It listens to the whole document, so it serves charts that are put there later, too.
const NUMBERS = new WeakMap();  // of the lines of a chart, read when they are first asked for
let hidden = new Set(), pointed = null;

// Return the names of the curves that are hidden now.
export const hiddenCurves = () => [...hidden];

// Hide the curves of these names in all charts, and show all others.
export function hideCurves(names) {
  hidden = new Set(names);
  for (const each of document.querySelectorAll(".chart [data-curve]")) {
    const isHidden = hidden.has(each.dataset.curve);
    if (each instanceof HTMLButtonElement) each.setAttribute("aria-pressed", String(!isHidden));
    else each.classList.toggle("hidden", isHidden);
  }
}

// Write the numbers of a chart into the table below it, which is empty until it is opened.
function fillTable(details) {
  const svg = details.closest(".chart").querySelector("svg[role=img]"), lines = linesOf(svg);
  const places = [...new Set(lines.flatMap((line) => line.points.map((point) => point[0])))].sort((a, b) => a - b);
  const values = lines.map(({ points }) => new Map(points.map(([x, y, deviation]) => [x, `${y}${deviation ? ` ± ${deviation}` : ""}`])));
  const table = document.createElement("table");
  const row = (into, texts, kinds) => {
    const line = into.insertRow();
    texts.forEach((text, at) => {
      const cell = document.createElement(kinds(at));
      if (cell.tagName === "TH") cell.scope = into === table.tHead ? "col" : "row";
      cell.textContent = text;
      line.append(cell);
    });
  };
  row(table.createTHead(), [svg.dataset.x, ...lines.map((line) => line.label + svg.dataset.unit.replace(" %", " in %"))], () => "th");
  const body = table.createTBody();
  for (const x of places) row(body, [x, ...values.map((each) => each.get(x) ?? "–")], (at) => (at ? "td" : "th"));
  details.querySelector("div").replaceChildren(table);
}

// Fill the tables that are open.
export const fillTables = () => document.querySelectorAll(".chart details[open]").forEach(fillTable);

function linesOf(svg) {
  if (!NUMBERS.has(svg)) {
    NUMBERS.set(svg, [...svg.querySelectorAll("[data-values]")].map((line) => ({
      label: line.dataset.label,
      curve: line.dataset.curve,
      points: line.dataset.values.split(" ").map((point) => point.split(",").map(Number)),
    })));
  }
  return NUMBERS.get(svg).filter((line) => !hidden.has(line.curve));
}

const nearest = (points, x) => points.reduce((a, b) => (Math.abs(b[0] - x) < Math.abs(a[0] - x) ? b : a));

// Say the values of all curves where x is, and mark the place.
function tell(svg, x) {
  const { low, high, left, right, x: xName, unit } = svg.dataset, cursor = svg.querySelector(".cursor");
  const place = +left + ((x - low) / (high - low)) * (right - left);
  cursor.setAttribute("x1", place);
  cursor.setAttribute("x2", place);
  svg.classList.add("shown");
  svg.dataset.at = x;
  svg.closest(".chart").querySelector(".values").textContent = [`${xName} ${x}`, ...linesOf(svg).map(({ label, points }) => {
    const [where, y, deviation] = nearest(points, x);
    return `${label} ${y}${deviation ? ` ± ${deviation}` : ""}${unit}${where === x ? "" : ` (at ${where})`}`;
  })].join("   ");
}

function forget(svg) {
  svg.classList.remove("shown");
  delete svg.dataset.at;
  const said = svg.closest(".chart")?.querySelector(".values");
  if (said) said.textContent = "";
}

const chartAt = (event) => event.target.closest?.(".chart svg[role=img]");

function point(event) {
  const svg = chartAt(event);
  if (pointed && pointed !== svg) forget(pointed);
  pointed = svg;
  const everywhere = svg ? linesOf(svg).flatMap((line) => line.points) : [];
  if (!everywhere.length) return;
  const { low, high, left, right } = svg.dataset, box = svg.getBoundingClientRect();
  const at = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
  const share = Math.min(1, Math.max(0, (at - left) / (right - left)));
  tell(svg, nearest(everywhere, +low + share * (high - low))[0]);
}

document.addEventListener("toggle", (event) => event.target.matches(".chart details[open]") && fillTable(event.target), true);
document.addEventListener("pointermove", point);
document.addEventListener("pointerdown", point);
document.addEventListener("pointerleave", () => {
  if (pointed) forget(pointed);
  pointed = null;
});
document.addEventListener("focusout", (event) => chartAt(event) && forget(chartAt(event)));
document.addEventListener("keydown", (event) => {
  const svg = chartAt(event);
  const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
  if (!svg || !step || event.ctrlKey || event.metaKey || event.altKey) return;
  const places = [...new Set(linesOf(svg).flatMap((line) => line.points.map((each) => each[0])))].sort((a, b) => a - b);
  if (!places.length) return;
  event.preventDefault();
  const now = svg.dataset.at === undefined ? (step > 0 ? -1 : places.length) : places.indexOf(nearest(places.map((x) => [x]), +svg.dataset.at)[0]);
  tell(svg, places[Math.min(places.length - 1, Math.max(0, now + step))]);
});
document.addEventListener("click", (event) => {
  const button = event.target.closest?.(".chart button[data-curve]");
  if (!button) return;
  const { curve } = button.dataset;
  hideCurves(hidden.has(curve) ? [...hidden].filter((each) => each !== curve) : [...hidden, curve]);
  document.dispatchEvent(new Event("curveshidden"));
});
