// What a page shows of its runs is in its address, so that a link shows the same, and the browser's buttons lead back:
// runs (ids), metric, scale, and hide (the names of curves).
import { api } from "/static/api.js";
import { fillTables, hiddenCurves, hideCurves } from "/static/report.js";

const SENT = ["runs", "metric", "scale"];  // the rest is for this page alone
const link = document.getElementById("compare"), none = document.getElementById("choose-none");
const replies = new Map();  // of the slow parts, shown until there is a new one

const chosen = () => new URLSearchParams(location.search);

// Return the ids of the chosen runs.
export const chosenRuns = () => (chosen().get("runs") ?? "").split(",").filter(Boolean);

// Return the part of the address that a part of the page depends on.
export function query() {
  const now = chosen();
  return new URLSearchParams(SENT.filter((name) => now.get(name)).map((name) => [name, now.get(name)])).toString();
}

// Put other choices into the address; a step back undoes them, unless they are `passing`.
function choose(name, values, passing = false) {
  const now = chosen();
  now.delete(name);
  for (const value of values) if (value) now.append(name, value);
  const address = location.pathname + (now.size ? `?${now}` : "");
  if (passing) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
}

// Make a part that was just put into the page show what was chosen.
export function applyChoices(part) {
  const runs = new Set(chosenRuns());
  for (const each of part.querySelectorAll("input.chosen")) each.checked = runs.has(each.value);
  offerComparison(runs);
  hideCurves(chosen().getAll("hide"));
  fillTables();
  for (const each of part.querySelectorAll("[data-part]")) fill(each);
}

// Ask for a part that takes longer than the rest.
async function fill(place) {
  const address = `${place.dataset.part}?${query()}`;
  if (replies.has(address)) place.innerHTML = replies.get(address);
  try {
    const html = await (await api(address)).text();
    replies.set(address, html);
    if (place.isConnected && address === `${place.dataset.part}?${query()}`) place.innerHTML = html;
  } catch (error) {
    if (place.isConnected && !(error instanceof TypeError)) place.textContent = error.message;
  }
}

function offerComparison(runs) {
  if (!link) return;
  link.textContent = runs.size ? `Compare ${runs.size} ${runs.size === 1 ? "run" : "runs"}` : "Choose runs to compare";
  if (runs.size) link.href = `/compare?${new URLSearchParams({ runs: [...runs].join(",") })}`;
  else link.removeAttribute("href");
  none.hidden = !runs.size;
}

// Call `renew` when something else is to be shown.
export function onChoice(renew) {
  document.addEventListener("change", ({ target }) => {
    if (target.matches("input.chosen")) {
      const others = chosenRuns().filter((id) => id !== target.value);
      choose("runs", [[...others, ...(target.checked ? [target.value] : [])].join(",")], true);
      offerComparison(new Set(chosenRuns()));
    } else if (target.dataset.choice) {
      choose(target.dataset.choice, [target.value]);
      renew();
    }
  });
  document.addEventListener("click", (event) => {
    const { target } = event;
    if (target === none) {
      choose("runs", [], true);
      for (const each of document.querySelectorAll("input.chosen")) each.checked = false;
      offerComparison(new Set());
      document.querySelector("input.chosen")?.focus();
    } else if (target.dataset?.choose && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      choose(target.dataset.choose, [target.dataset.value]);
      renew();
    }
  });
  document.addEventListener("curveshidden", () => choose("hide", hiddenCurves()));
  window.addEventListener("popstate", renew);
}
