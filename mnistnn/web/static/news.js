// Says, for those who do not see the page, when a run changes how it stands; not each epoch.
const GATHERED_MS = 1000;
const place = document.getElementById("news"), known = new Map(), fresh = new Map();

// Note how a run stands, by an event of the stream.
export function note({ run, state }) {
  if (!state) return;
  const before = known.get(run);
  known.set(run, state);
  if (before === undefined || before === state) return;
  if (!fresh.size) setTimeout(say, GATHERED_MS);
  fresh.set(run, state);
}

function nameOf(run) {
  const row = document.getElementById(`row-${run}`) ?? document.querySelector(`[data-run="${run}"]`)?.parentElement;
  return row?.querySelector("th, h1")?.textContent.trim() ?? "a run";
}

function say() {
  place.textContent = [...fresh].map(([run, state]) => `${nameOf(run)}: ${state}`).join("; ");
  fresh.clear();
}
