// The page "Draw a digit": strokes become 280 × 280 grey bytes, which the server answers; the answer is shown.

import { api, events } from "/static/api.js";
import { Picture, element, figure, showParts, tableOf, unpacked } from "/static/layers.js";

const run = decodeURIComponent(location.pathname.split("/").filter(Boolean).at(-1));
const find = (id) => document.getElementById(id);
const paper = find("paper"), marks = find("marks");
const SIDE = paper.width;
const ink = paper.getContext("2d", { willReadFrequently: true });
const state = { strokes: [], stroke: null, digit: null, target: "", checkpoint: "best", nth: {}, checkpoints: [], shown: [], back: [], answer: null };

// Asking. At most one question is on its way; while it is, only the latest that came after it is kept.

let underWay = null, next = null, asked = 0;

function ask() {
  const question = { number: ++asked, target: state.target, ...subject() };
  if (underWay) next = question;
  else answerTo(question);
}

function subject() {
  return state.digit ? { digit: state.digit, body: null } : { digit: null, body: state.strokes.length || state.stroke ? bytes() : null };
}

function address(what, { digit }, more = {}) {
  const query = new URLSearchParams({ checkpoint: state.checkpoint, ...more });
  if (state.target !== "") query.set("target", state.target);
  if (digit) for (const [key, value] of Object.entries(digit)) query.set(key, value);
  return `/api/run/${encodeURIComponent(run)}/${what}?${query}`;
}

async function post(what, question, more, signal) {
  const reply = await api(address(what, question, more), { method: "POST", body: question.body ?? new Uint8Array(0), signal });
  if (reply instanceof Response && (reply.headers.get("content-type") ?? "").includes("json")) return await reply.json();
  if (reply instanceof Response) return unpacked(await reply.arrayBuffer());
  return reply instanceof ArrayBuffer ? unpacked(reply) : reply;
}

async function answerTo(question) {
  underWay = question;
  question.began = performance.now();
  try {
    if (!question.digit && !question.body) showEmpty();
    else {
      const reply = await post("draw", question);
      if (reply.problem) showProblem(reply.problem, question);
      else if (question.number >= (state.answered ?? 0)) {
        state.answered = question.number;
        show(reply, question);
      }
    }
  } catch (error) {
    showProblem(error.message, question);
  } finally {
    underWay = null;
    const waiting = next;
    next = null;
    if (waiting) answerTo(waiting);
  }
}

function bytes() {
  const grey = ink.getImageData(0, 0, SIDE, SIDE).data;
  const found = new Uint8Array(SIDE * SIDE);
  for (let i = 0; i < found.length; i++) found[i] = 255 - grey[4 * i];
  return found;
}

// Drawing.

function paint() {
  ink.fillStyle = "#fff";
  ink.fillRect(0, 0, SIDE, SIDE);
  ink.lineCap = ink.lineJoin = "round";
  ink.strokeStyle = ink.fillStyle = "#000";
  for (const { width, points } of [...state.strokes, ...(state.stroke ? [state.stroke] : [])]) {
    ink.lineWidth = width;
    ink.beginPath();
    const [[x, y], ...rest] = points;
    ink.moveTo(x, y);
    if (rest.length) for (const point of rest) ink.lineTo(...point);
    else ink.lineTo(x + 0.01, y);
    ink.stroke();
  }
  const isEmpty = !state.strokes.length;
  for (const id of ["undo", "clear", "save"]) find(id).disabled = isEmpty;
}

function placeOn(event) {
  const box = paper.getBoundingClientRect();
  return [((event.clientX - box.left) * SIDE) / box.width, ((event.clientY - box.top) * SIDE) / box.height];
}

paper.addEventListener("pointerdown", (event) => {
  if (event.button !== 0 || state.stroke) return;
  event.preventDefault();
  paper.setPointerCapture(event.pointerId);
  if (state.digit) {
    state.digit = null;
    state.strokes = [];
    find("digit-said").textContent = "";
  }
  state.stroke = { width: Number(find("stroke").value), points: [placeOn(event)], pointer: event.pointerId };
  mark();
  paint();
});
paper.addEventListener("pointermove", (event) => {
  if (state.stroke?.pointer !== event.pointerId) return;
  const moves = event.getCoalescedEvents?.() ?? [];
  for (const move of moves.length ? moves : [event]) state.stroke.points.push(placeOn(move));
  paint();
  ask();
});
for (const end of ["pointerup", "pointercancel"]) {
  paper.addEventListener(end, (event) => {
    if (state.stroke?.pointer !== event.pointerId) return;
    if (end === "pointerup") state.strokes.push(state.stroke);
    state.stroke = null;
    changed();
  });
}

function changed() {
  paint();
  remember();
  ask();
}

find("undo").addEventListener("click", () => {
  state.strokes.pop();
  changed();
});
find("clear").addEventListener("click", () => {
  state.strokes = [];
  changed();
});
paper.addEventListener("keydown", (event) => {
  if (event.key === "z" && (event.ctrlKey || event.metaKey) && state.strokes.length) find("undo").click();
});
find("stroke").addEventListener("input", (event) => {
  find("stroke-px").textContent = `${event.target.value} px`;
});
find("save").addEventListener("click", () => {
  paper.toBlob((blob) => {
    const link = element("a", { href: URL.createObjectURL(blob), download: "digit.png" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
});

// Digits of the data set.

function offerDigits(model) {
  const splits = Object.keys(model.splits);
  find("digits").hidden = !splits.length || !model.classes.length;
  find("split").replaceChildren(...splits.reverse().map((name) => element("option", { value: name, text: name === "valid" ? "validation" : "training" })));
  find("digit-buttons").replaceChildren(...model.classes.map((name, label) => {
    const button = element("button", { type: "button", text: name, "aria-label": `Another ${name} of the data set` });
    button.addEventListener("click", () => {
      const split = find("split").value, key = `${split} ${label}`;
      const nth = state.nth[key] = (state.nth[key] ?? -1) + 1;
      state.digit = { split, label, nth };
      state.strokes = [];
      changed();
    });
    return button;
  }));
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

function showProblem(message, question) {
  if (question?.body) {
    find("answer-said").textContent = `No answer: ${message}`;
    hideAnswer();
    return;
  }
  const problem = find("problem");
  problem.textContent = message;
  problem.hidden = false;
}

function show({ about, values }, question) {
  find("problem").hidden = true;
  state.answer = { about, question };
  const { scores } = about;
  find("answer-said").textContent = scores
    ? `${scores.names[scores.predicted]}${scores.unit ? "" : `, with ${percent(scores.values[scores.predicted])}`}` +
      (about.label === null ? "" : about.label === scores.predicted ? " — right" : ` — wrong: it is a ${scores.names[about.label]}`)
    : "This model predicts no class: what it makes of the digit is below.";
  if (about.label !== null) find("digit-said").textContent = `Number ${about.place.toLocaleString("en")} of the ${find("split").selectedOptions[0].text} split.`;
  showScores(scores);
  showImage(about, values, question);
  showSteps(about.steps, values);
  find("dream-tools").hidden = !about.dreams;
  find("dreams").replaceChildren();
  showForward(about, values);
  showBackward(about, values);
  find("target-label").hidden = !scores;
  const ms = performance.now() - question.began;
  find("took").textContent = `Answered in ${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms.`;
  document.body.dataset.answered = String(question.number);
  document.body.dataset.ms = ms.toFixed(1);
  mark();
  if (state.pointed) feed(state.pointed.part, state.pointed.place);
}

function percent(p) {
  return p >= 0.99995 && p < 1 ? ">99.99 %" : `${(100 * p).toFixed(2)} %`;
}

function showScores(scores) {
  if (!scores) return find("scores").replaceChildren();
  const low = Math.min(0, ...scores.values), high = Math.max(scores.unit ? 1e-9 : 1, ...scores.values);
  const table = element("table", { class: "scores" });
  if (scores.unit) table.append(element("caption", { class: "said", text: `${scores.unit}, not probabilities` }));
  scores.values.forEach((value, i) => {
    table.append(element("tr", { class: i === scores.predicted ? "best" : undefined, "data-score": value },
      element("th", { scope: "row", text: scores.names[i] }),
      element("td", { class: "bar" }, element("meter", { min: low, max: high, value, "aria-hidden": "true" })),
      element("td", { class: "figure", text: scores.unit ? figure(value) : percent(value) })));
  });
  find("scores").replaceChildren(table);
}

// A digit of the data set is shown on the sheet, as it is.
function showImage(about, values, question) {
  if (!question.digit) return;
  const [height, width] = about.image.shape, image = values(about.image);
  const side = Math.min(SIDE / width, SIDE / height);
  ink.fillStyle = "#fff";
  ink.fillRect(0, 0, SIDE, SIDE);
  image.forEach((value, i) => {
    const grey = 255 - value;
    ink.fillStyle = `rgb(${grey},${grey},${grey})`;
    ink.fillRect((i % width) * side, Math.floor(i / width) * side, Math.ceil(side), Math.ceil(side));
  });
}

function showSteps(steps, values) {
  find("steps").hidden = !steps;
  if (!steps) return;
  const [top, left, bottom, right] = steps.box;
  const items = [
    [`Ink is found: ${steps.components} connected ${steps.components > 1 ? "strokes" : "stroke"}` +
      `${steps.specks ? `, ${steps.specks} left out as specks` : ""}, in a box of ${right - left} × ${bottom - top} px.`, steps.ink],
    [`The box is fitted to ${steps.fitted[1]} × ${steps.fitted[0]} px, and thin strokes are widened.`, null],
    [`It is moved by whole pixels until its centre of mass lies in the middle: row ${steps.centre[0].toFixed(1)}, column ${steps.centre[1].toFixed(1)}.`, steps.image],
  ];
  find("step-list").replaceChildren(
    ...items.map(([text, about]) => {
      const item = element("li", { text });
      if (about) item.append(new Picture({ name: "step", signed: false, labels: null, caption: "", ...about }, values(about), { tallest: 84 }).canvas);
      return item;
    }),
    ...steps.warnings.map((text) => element("li", { class: "problem", text })),
  );
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
  waiting = setTimeout(() => feed(part.name, place), 40);
}

async function feed(name, place) {
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
  find("unit-heading").textContent = `What feeds ${name}[${index}]`;
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
  context.clearRect(0, 0, SIDE, SIDE);
  if (!steps || state.stroke) return;
  const [top, left, bottom, right] = steps.box;
  context.strokeStyle = "#0059a8";
  context.setLineDash([4, 4]);
  context.strokeRect(left, top, right - left, bottom - top);
}

// Target, checkpoints, dreams.

find("target").addEventListener("change", (event) => {
  state.target = event.target.value;
  remember();
  ask();
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
  remember();
  ask();
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

// The state of the view is in the address, so that it can be sent; the token is not.

function remember() {
  const query = new URLSearchParams();
  if (state.checkpoint !== BEST) query.set("checkpoint", state.checkpoint);
  if (state.target !== "") query.set("target", state.target);
  if (state.digit) for (const [key, value] of Object.entries(state.digit)) query.set(key, value);
  history.replaceState(null, "", `${location.pathname}${query.size ? `?${query}` : ""}`);
}

function recall() {
  const query = new URLSearchParams(location.search);
  state.checkpoint = query.get("checkpoint") ?? BEST;
  state.target = query.get("target") ?? "";
  const [split, label, nth] = ["split", "label", "nth"].map((key) => query.get(key));
  if (split && label !== null) {
    state.digit = { split, label: Number(label), nth: Number(nth ?? 0) };
    state.nth[`${split} ${Number(label)}`] = Number(nth ?? 0);
  }
}

async function lookAtModel() {
  const reply = await api(`/api/run/${encodeURIComponent(run)}/model?${new URLSearchParams({ checkpoint: state.checkpoint })}`, {});
  return reply instanceof Response ? await reply.json() : reply;
}

async function begin() {
  recall();
  paint();
  try {
    const model = await lookAtModel();
    if (model.problem) return showProblem(model.problem);
    find("model-name").textContent = model.name;
    document.title = `Draw a digit: ${model.name}`;
    offerDigits(model);
    if (state.digit) find("split").value = state.digit.split;
    offerCheckpoints(model.checkpoints);
    find("target").replaceChildren(element("option", { value: "", text: "–" }), ...model.classes.map((name, i) => element("option", { value: i, text: `a ${name}` })));
    find("target").value = state.target;
    if (state.digit) ask();
  } catch (error) {
    showProblem(error.message);
  }
}

// A run in training: a new checkpoint answers the digit anew.
let seen = null;
events(async (event) => {
  if (event.run !== run) return;
  const now = `${event.checkpoints} ${event.rows}`;
  const before = seen;
  seen = now;
  if (before === null || before === now) return;
  const model = await lookAtModel().catch(() => null);
  if (!model || model.problem) return;
  offerCheckpoints(model.checkpoints);
  if (state.checkpoint === BEST && (state.digit || state.strokes.length)) ask();
});

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const { pictures } of state.shown) for (const picture of pictures) picture.draw();
});

begin();
