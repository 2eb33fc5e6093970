// The page "Draw a digit": strokes become grey bytes, which the server answers; the answer is shown.

import { api, events, takeToken } from "/static/api.js";
import { Picture, element, figure, setText, showParts, tableOf, unpacked } from "/static/layers.js";
import { Sheet } from "/static/sheet.js";

const run = location.pathname.split("/").filter(Boolean).at(-1); // an id, of digits of base 16
const find = (id) => document.getElementById(id);
const marks = find("marks");
const state = { isOffered: false, digit: null, target: "", checkpoint: "best", nth: {}, checkpoints: [], classes: [], shown: [], back: [], answer: null, pointed: null };
const sheet = new Sheet(find("paper"), find("sent"), () => Number(find("stroke").value), drawn);

// Asking. At most one question is on its way; while it is, only that there is another one is kept. `since` is when the
// event was that asks: how long an answer takes is counted from it to the frame in which it is seen.

let underWay = false, next = null, asked = 0;

function ask(event) {
  const since = event?.timeStamp ?? performance.now();
  if (underWay) next = since;
  else answerSince(since);
}

async function answerSince(since) {
  const question = { number: ++asked, since, digit: state.digit, body: state.digit || sheet.isEmpty ? null : sheet.bytes() };
  if (!question.digit && !question.body) return showEmpty();
  underWay = true;
  let reply, problem;
  try {
    reply = await post("draw", question);
    problem = reply.problem;
  } catch (error) {
    problem = error.message;
    if (error.status === 401) askForToken();
  }
  underWay = false;
  if (next !== null) {
    const later = next;
    next = null;
    answerSince(later); // the server computes while this answer is drawn
  }
  if (question.digit !== state.digit || (!state.digit && sheet.isEmpty)) return; // something else is on the sheet by now
  if (problem) showProblem(problem, question);
  else await show(reply, question);
}

function address(what, { digit }, more = {}) {
  const query = new URLSearchParams({ checkpoint: state.checkpoint, ...more });
  if (state.target !== "") query.set("target", state.target);
  if (digit) for (const [key, value] of Object.entries(digit)) query.set(key, value);
  return `/api/run/${encodeURIComponent(run)}/${what}?${query}`;
}

async function post(what, question, more, signal) {
  const reply = await api(address(what, question, more), { method: "POST", body: question.body ?? new Uint8Array(0), signal });
  if (reply.headers.get("content-type").includes("json")) return await reply.json();
  return unpacked(await reply.arrayBuffer());
}

// Drawing.

function drawn(event, isOver) {
  if (state.digit) {
    state.digit = null;
    sheet.strokes = [];
    sheet.paint();
    find("digit-said").textContent = "";
  }
  for (const id of ["undo", "clear", "save"]) find(id).disabled = !sheet.strokes.length;
  if (!isOver) mark();
  if (event?.type !== "pointerdown") ask(event);
  if (isOver) remember();
}

find("undo").addEventListener("click", (event) => sheet.undo(event));
find("clear").addEventListener("click", (event) => sheet.clear(event));
find("paper").addEventListener("keydown", (event) => {
  const isUndo = event.key.toLowerCase() === "z";
  if (event.altKey || ((event.ctrlKey || event.metaKey) && !isUndo)) return;
  const stroke = find("stroke"), label = labelOf(event.key);
  if (isUndo) sheet.undo(event);
  else if (event.key === "Delete" || event.key === "Backspace") sheet.clear(event);
  else if (event.key === "+" || event.key === "-") {
    stroke.value = String(Number(stroke.value) + (event.key === "+" ? 2 : -2));
    stroke.dispatchEvent(new Event("input"));
  } else if (label !== null) anotherDigit(label, event);
  else return;
  event.preventDefault();
});
find("stroke").addEventListener("input", (event) => {
  find("stroke-px").textContent = `${event.target.value} px`;
});
find("save").addEventListener("click", () => {
  find("sent").toBlob((blob) => {
    const link = element("a", { href: URL.createObjectURL(blob), download: "digit.png" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
});

// Digits of the data set.

function nameOfSplit(split) {
  return split === "valid" ? "validation" : "training";
}

function offerDigits(model) {
  const splits = Object.keys(model.splits);
  state.classes = model.classes;
  find("digits").hidden = !splits.length || !model.classes.length;
  find("split").replaceChildren(...splits.reverse().map((name) => element("option", { value: name, text: nameOfSplit(name) })));
  find("digit-buttons").replaceChildren(...model.classes.map((name, label) => {
    const button = element("button", { type: "button", text: name, "aria-label": `Another ${name} of the data set` });
    button.addEventListener("click", (event) => anotherDigit(label, event));
    return button;
  }));
}

function labelOf(key) {
  const label = state.classes.indexOf(key);
  return label < 0 || find("digits").hidden ? null : label;
}

function anotherDigit(label, event) {
  const split = find("split").value, key = `${split} ${label}`;
  const nth = state.nth[key] = (state.nth[key] ?? -1) + 1;
  state.digit = { split, label, nth };
  sheet.strokes = [];
  for (const id of ["undo", "clear", "save"]) find(id).disabled = true;
  ask(event);
  remember();
}

// The answer.

function showEmpty() {
  find("answer-said").textContent = "An empty sheet has no answer. Draw something, or choose a digit.";
  hideAnswer();
}

function hideAnswer() {
  for (const id of ["forward", "backward", "unit", "steps", "dream-tools"]) find(id).hidden = true;
  find("scores").replaceChildren();
  find("dreams").replaceChildren();
  find("took").textContent = "";
  state.answer = null;
  mark();
}

/** A tab that was opened by a link has no token: ask for it. */
function askForToken() {
  find("token-form").hidden = false;
  find("token").focus();
}

find("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (takeToken(find("token").value)) location.reload();
  else setText(find("token-said"), "There is no #token= in it.");
});

function showProblem(message, question) {
  if (question) {
    find("answer-said").textContent = `No answer: ${message}`;
    hideAnswer();
    return;
  }
  const problem = find("problem");
  problem.textContent = message;
  problem.hidden = false;
}

/** Show an answer: its classes at once, its layers after these are seen. */
async function show({ about, values }, question) {
  find("problem").hidden = true;
  state.answer = { about, question };
  const { scores } = about;
  setText(find("answer-said"), scores
    ? `${scores.names[scores.predicted]}${scores.unit ? "" : `, with ${percent(scores.values[scores.predicted])}`}` +
      (about.label === null ? "" : about.label === scores.predicted ? " — right" : ` — wrong: it is a ${scores.names[about.label]}`)
    : "This model predicts no class: what it makes of the digit is below.");
  if (about.label !== null) setText(find("digit-said"), `Number ${about.place.toLocaleString("en")} of the ${nameOfSplit(question.digit.split)} split.`);
  showScores(scores);
  if (question.digit) sheet.showImage(values(about.image), ...about.image.shape);
  document.body.dataset.answered = String(question.number);
  await seen();
  const ms = performance.now() - question.since;
  document.body.dataset.ms = ms.toFixed(1);
  setText(find("took"), `Seen after ${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms.`);
  if (state.answer?.question !== question) return; // a later answer is here already
  showSteps(about.steps, values);
  find("dream-tools").hidden = !about.dreams;
  find("dreams").replaceChildren();
  showForward(about, values);
  showBackward(about, values);
  find("target-label").hidden = !scores;
  mark();
  document.body.dataset.shown = String(question.number);
  if (state.pointed) feedPointed();
}

/** Wait until what was changed is painted; or a moment, where nothing is, since nobody looks. */
function seen() {
  return new Promise((done) => {
    const soon = setTimeout(done, 100);
    requestAnimationFrame(() => {
      clearTimeout(soon);
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => done();
      port2.postMessage(null);
    });
  });
}

function percent(p) {
  return p >= 0.99995 && p < 1 ? ">99.99 %" : `${(100 * p).toFixed(2)} %`;
}

let rows = { look: null };

function showScores(scores) {
  if (!scores) return find("scores").replaceChildren();
  const low = Math.min(0, ...scores.values), high = Math.max(scores.unit ? 1e-9 : 1, ...scores.values);
  if (rows.look !== `${scores.unit} ${scores.names.join()}` || !rows.table.isConnected) rows = scoreRows(scores);
  scores.values.forEach((value, i) => {
    const { row, meter, told } = rows.each[i];
    row.classList.toggle("best", i === scores.predicted);
    row.dataset.score = value;
    Object.assign(meter, { min: low, max: high, value });
    setText(told, scores.unit ? figure(value) : percent(value));
  });
}

function scoreRows(scores) {
  const table = element("table", { class: "scores" });
  if (scores.unit) table.append(element("caption", { class: "said", text: `${scores.unit}, not probabilities` }));
  const each = scores.names.map((name) => {
    const meter = element("meter", { "aria-hidden": "true" }), told = element("td", { class: "figure" });
    const row = element("tr", {}, element("th", { scope: "row", text: name }), element("td", { class: "bar" }, meter), told);
    table.append(row);
    return { row, meter, told };
  });
  find("scores").replaceChildren(table);
  return { look: `${scores.unit} ${scores.names.join()}`, table, each };
}

const steps = [...find("step-list").children].map((item) => ({ item, text: item.appendChild(element("span")), picture: null }));

function showSteps(about, values) {
  find("steps").hidden = !about;
  if (!about) return;
  const [top, left, bottom, right] = about.box;
  const told = [
    [`Ink is found: ${about.components} connected ${about.components > 1 ? "strokes" : "stroke"}` +
      `${about.specks ? `, ${about.specks} left out as specks` : ""}, in a box of ${right - left} × ${bottom - top} px.`, about.ink],
    [`The box is fitted to ${about.fitted[1]} × ${about.fitted[0]} px, and thin strokes are widened.`, null],
    [`It is moved by whole pixels until its centre of mass lies in the middle: row ${about.centre[0].toFixed(1)}, column ${about.centre[1].toFixed(1)}.`, about.image],
  ];
  told.forEach(([text, of], i) => {
    const step = steps[i];
    setText(step.text, text);
    if (!of) return;
    const picture = { name: i ? "the image" : "the ink", signed: false, labels: null, caption: "", ...of };
    if (step.picture?.about.shape.join() === of.shape.join()) return step.picture.renew(picture, values(of));
    step.picture?.node.remove();
    step.picture = new Picture(picture, values(of), { tallest: 84 });
    step.item.append(step.picture.node);
  });
  find("step-warnings").replaceChildren(...about.warnings.map((text) => element("li", { class: "problem", text })));
}

function showForward(about, values) {
  state.shown = showParts(find("parts"), state.shown, about.parts, values, pointedAt);
  find("forward").hidden = !about.parts.length;
}

function showBackward(about, values) {
  const { backward } = about, section = find("backward");
  section.hidden = !backward && !about.no_backward;
  if (!backward) {
    find("backward-said").textContent = about.no_backward ? `There is no backward pass: ${about.no_backward}.` : "";
    state.back = showParts(find("backward-parts"), [], [], values);
    return;
  }
  const name = about.scores.names[backward.target];
  find("backward-said").textContent = `If it should be a ${name}, the loss is ${figure(backward.loss)}: ${backward.formula}`;
  const parts = backward.parts.map((part) => ({ ...part, about: "", table: null }));
  state.back = showParts(find("backward-parts"), state.back, parts, values);
}

// What feeds a unit.

let waiting = null, feeding = null;

function pointedAt(part, place, picture) {
  for (const { pictures } of state.shown) for (const other of pictures) if (other !== picture && other.at !== null) other.leave();
  state.pointed = { part: part.name, place };
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    remember();
    feedPointed();
  }, 40);
}

/** Ask what feeds the unit that is pointed at, and frame it, also if a link has brought it. */
async function feedPointed() {
  const { part: name, place } = state.pointed;
  const picture = state.shown.find(({ part }) => part.name === name && part.has_units)?.pictures[0];
  if (picture && picture.at === null) picture.frame(place);
  feeding?.abort();
  feeding = new AbortController();
  try {
    const reply = await post("unit", state.answer.question, { layer: name, unit: place.join(",") }, feeding.signal);
    if (reply.problem) {
      state.pointed = null;
      find("unit").hidden = true;
    } else showUnit(name, reply);
  } catch (error) {
    if (error.name !== "AbortError") showProblem(error.message);
  }
}

function showUnit(name, { about, values }) {
  const names = state.shown.map(({ part }) => part.name), at = names.indexOf(name);
  const index = about.place.join(", ");
  const label = about.place.length === 1 ? state.shown[at]?.part.pictures[0].labels?.[about.place[0]] : null;
  setText(find("unit-heading"), `What feeds ${name}[${index}]${label && label !== index ? ` (${label})` : ""}`);
  const body = find("unit-body");
  body.replaceChildren(...about.lines.map((text) => element("p", { class: "formula", text })));
  if (about.note) body.append(element("p", { class: "said", text: about.note }));
  body.append(element("div", { class: "pictures" }, ...about.pictures.map((each) => new Picture(each, values(each)).node)));
  if (about.terms.length) {
    const rows = about.terms.map(([term, ...numbers]) => [term, ...numbers.map(figure)]);
    const [count, sum] = about.others;
    body.append(element("div", { class: "wide" }, tableOf([["the largest products", "x", "w", "x · w"], ...rows, [`${count.toLocaleString("en")} others`, "", "", figure(sum)]])));
  }
  find("unit").hidden = false;
  state.shown.forEach(({ pictures }, number) => {
    if (number !== at) pictures[0]?.mark(number === at - 1 ? about.box : number === 0 ? about.field : null);
  });
}

/** Frame on the sheet where ink was found. */
function mark() {
  const context = marks.getContext("2d"), steps = state.answer?.about.steps;
  context.clearRect(0, 0, marks.width, marks.height);
  if (!steps || sheet.current) return;
  const [top, left, bottom, right] = steps.box.map((each) => (each * marks.width) / find("sent").width);
  context.strokeStyle = "#0059a8";
  context.setLineDash([4, 4]);
  context.strokeRect(left, top, right - left, bottom - top);
}

// Target, checkpoints, dreams.

find("target").addEventListener("change", (event) => {
  state.target = event.target.value;
  ask(event);
  remember();
});

const BEST = "best";

function offerCheckpoints(names) {
  state.checkpoints = [...names, BEST];
  const slider = find("checkpoint");
  find("checkpoints").hidden = names.length < 1;
  slider.max = String(state.checkpoints.length - 1);
  if (!state.checkpoints.includes(state.checkpoint)) state.checkpoint = BEST;
  slider.value = String(state.checkpoints.indexOf(state.checkpoint));
  sayCheckpoint();
}

function sayCheckpoint() {
  const updates = Number(/\d+/.exec(state.checkpoint)?.[0]);
  const said = state.checkpoint === BEST ? "best so far" : `after ${updates.toLocaleString("en")} updates`;
  find("checkpoint-said").textContent = said;
  find("checkpoint").setAttribute("aria-valuetext", said);
}

find("checkpoint").addEventListener("input", (event) => {
  state.checkpoint = state.checkpoints[Number(event.target.value)];
  sayCheckpoint();
  ask(event);
  remember();
});

find("dream").addEventListener("click", async () => {
  const seed = state.seed = (state.seed ?? -1) + 1;
  try {
    const reply = await post("dream", state.answer.question, { seed });
    if (reply.problem) return showProblem(reply.problem);
    const [picture] = reply.about.pictures;
    const about = { ...picture, caption: "the probabilities of pixels, after so many steps of the chain" };
    find("dreams").replaceChildren(new Picture(about, reply.values(picture), { name: "the chain" }).node);
  } catch (error) {
    showProblem(error.message);
  }
});

// The state of the view is in the address, so that it can be sent: what is chosen in the query, the drawing in the
// fragment. The token is in neither.

function remember() {
  const query = new URLSearchParams();
  if (state.checkpoint !== BEST) query.set("checkpoint", state.checkpoint);
  if (state.target !== "") query.set("target", state.target);
  if (state.digit) for (const [key, value] of Object.entries(state.digit)) query.set(key, value);
  if (state.pointed) {
    query.set("layer", state.pointed.part);
    query.set("unit", state.pointed.place.join("-"));
  }
  const fragment = state.digit || !sheet.strokes.length ? "" : `#drawing=${sheet.encoded()}`;
  history.replaceState(null, "", `${location.pathname}${query.size ? `?${query}` : ""}${fragment}`);
}

function recall() {
  const query = new URLSearchParams(location.search);
  state.checkpoint = query.get("checkpoint") ?? BEST;
  state.target = query.get("target") ?? "";
  const [split, label, nth, layer, unit] = ["split", "label", "nth", "layer", "unit"].map((key) => query.get(key));
  if (layer !== null && unit !== null) state.pointed = { part: layer, place: unit === "" ? [] : unit.split("-").map(Number) };
  const [, text] = location.hash.split("#drawing=");
  if (text) {
    try {
      sheet.decode(text);
      for (const id of ["undo", "clear", "save"]) find(id).disabled = !sheet.strokes.length;
    } catch (error) {
      showProblem(error.message);
    }
  } else if (split && label !== null) {
    state.digit = { split, label: Number(label), nth: Number(nth ?? 0) };
    state.nth[`${split} ${Number(label)}`] = Number(nth ?? 0);
  }
}

window.addEventListener("hashchange", () => location.reload()); // another link to this page was opened in this tab

find("copy-link").addEventListener("click", async () => {
  remember();
  const link = find("link");
  link.value = location.href;
  let said = "The link is copied; the secret of this server is not in it.";
  try {
    await navigator.clipboard.writeText(location.href);
  } catch {
    link.hidden = false;
    link.select();
    said = "Copy this link; the secret of this server is not in it.";
  }
  setText(find("link-said"), said);
});

async function lookAtModel() {
  const reply = await api(`/api/run/${encodeURIComponent(run)}/model?${new URLSearchParams({ checkpoint: state.checkpoint })}`);
  return await reply.json();
}

/** Offer what a model can be asked: once, for it stays the same; its checkpoints anew each time. */
function offer(model) {
  if (!state.isOffered) {
    state.isOffered = true;
    find("model-name").textContent = model.name;
    document.title = `Draw a digit: ${model.name}`;
    offerDigits(model);
    if (state.digit) find("split").value = state.digit.split;
    find("target").replaceChildren(element("option", { value: "", text: "–" }), ...model.classes.map((name, i) => element("option", { value: i, text: `a ${name}` })));
    find("target").value = state.target;
  }
  offerCheckpoints(model.checkpoints);
}

async function begin() {
  recall();
  try {
    const model = await lookAtModel();
    if (model.problem) return showProblem(model.problem);
    offer(model);
    if (state.digit || !sheet.isEmpty) ask();
  } catch (error) {
    showProblem(error.message);
    if (error.status === 401) askForToken();
  }
}

// A run in training: a new checkpoint answers the digit anew.
let known = null;
events(async (event) => {
  if (event.run !== run) return;
  const now = `${event.checkpoints} ${event.rows}`;
  const before = known;
  known = now;
  if (before === null || before === now) return;
  const model = await lookAtModel().catch(() => null);
  if (!model || model.problem) return; // as before the first checkpoint
  if (!state.isOffered) find("problem").hidden = true;
  offer(model);
  if (state.checkpoint === BEST && (state.digit || !sheet.isEmpty)) ask();
});

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const { pictures } of state.shown) for (const picture of pictures) picture.draw();
});

begin();
