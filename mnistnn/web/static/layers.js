// Pictures of arrays: numbers become pixels of a canvas, a table beside them has the numbers, and each square can be
// pointed at. Nothing here asks the server.

const SQUARE = 7; // the least side of a square that can be pointed at, in px
const WIDEST = 560; // px
const ROWS = 64; // of a table; arrays have more numbers than anybody reads

/** Take an answer apart: the JSON at its beginning, and a function that returns the array that a picture is of. */
export function unpacked(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const about = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const numbers = new Float32Array(buffer, 4 + length);
  const values = ({ shape, offset }) => numbers.subarray(offset, offset + shape.reduce((a, b) => a * b, 1));
  return { about, values };
}

/** Return a number in four digits. */
export function figure(value) {
  if (value === null || Number.isNaN(value)) return "no number";
  const text = Math.abs(value) >= 1e5 || (value !== 0 && Math.abs(value) < 1e-3) ? value.toExponential(2) : String(Number(value.toPrecision(4)));
  return text.replace("-", "−");
}

export function element(name, { text, ...attributes } = {}, ...children) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== undefined && value !== null) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

/** Give an element a text; one that has it already is left alone, and nothing is laid out anew. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** How an array is laid out as maps in a grid: its maps, their height and width, and the place of a unit in it. */
export function laidOut(shape) {
  const [height, width] = shape.length === 0 ? [1, 1] : shape.length === 1 ? [1, shape[0]] : shape.slice(-2);
  const maps = shape.length > 2 ? shape.slice(0, -2).reduce((a, b) => a * b, 1) : 1;
  // A long row is folded, so that its squares are large enough to be pointed at.
  const folded = shape.length === 1 && width > 40 ? Math.ceil(Math.sqrt(width * 2.2)) : 0;
  return folded
    ? { maps, height: Math.ceil(width / folded), width: folded, count: width, isFolded: true }
    : { maps, height, width, count: maps * height * width, isFolded: false };
}

/** A picture of an array: a canvas, its caption and its numbers, as a figure. `onUnit(place)` makes it pointable. */
export class Picture {
  constructor(about, values, { onUnit, name, tallest = onUnit ? 300 : 170 } = {}) {
    Object.assign(this, { about, values, onUnit, layout: laidOut(about.shape) });
    this.title = name ?? about.name;
    this.at = null;
    const { maps, height, width } = this.layout;
    const room = Math.min(WIDEST, Math.max(260, document.documentElement.clientWidth - 48));
    const least = onUnit ? SQUARE : 3;
    const square = Math.max(1, Math.min(16, Math.floor(Math.min(room / width, tallest / height))));
    const side = maps > 1 ? Math.max(Math.min(square, Math.floor((onUnit || about.labels ? 96 : 56) / Math.max(height, width)) || 1), Math.min(least, square)) : square;
    this.side = side;
    this.across = Math.max(1, Math.min(maps, Math.floor((room + 4) / (width * side + 4))));
    this.labels = about.labels && maps > 1 ? about.labels : null;
    this.head = this.labels ? 14 : 0;
    const down = Math.ceil(maps / this.across);
    this.canvas = element("canvas", {
      width: this.across * (width * side + 4) - 4,
      height: down * (height * side + 4 + this.head) - 4,
      role: "img",
      tabindex: onUnit ? "0" : undefined,
      class: onUnit ? "pointable" : undefined,
    });
    this.node = element("figure", { class: "picture" }, this.canvas, this.#caption(), this.#numbers());
    this.#range();
    this.draw();
    if (onUnit) this.#listen();
  }

  #range() {
    let low = 0, high = 0;
    for (const value of this.values) {
      if (value < low && value !== -Infinity) low = value;
      if (value > high && value !== Infinity) high = value;
    }
    Object.assign(this, { low, high, most: Math.max(-low, high) || 1 });
    this.canvas.setAttribute("aria-label",
      `${this.title}, ${this.about.shape.join(" × ") || "one number"}: from ${figure(low)} to ${figure(high)}. ` +
      (this.onUnit ? "Arrow keys move from unit to unit." : "The numbers are below."));
  }

  /** Take other numbers of the same shape. */
  renew(about, values) {
    Object.assign(this, { about, values });
    if (this.labels) this.labels = about.labels;
    this.#range();
    const [, caption, details] = this.node.children, now = this.#caption();
    if (caption.textContent !== now.textContent) caption.replaceWith(now);
    if (details.children.length > 1) {
      details.lastChild.remove();
      if (details.open) details.append(element("div", { class: "wide" }, this.#table()));
    }
    this.draw();
  }

  #caption() {
    const { shape, caption, size, length, largest } = this.about;
    const sizes = length === undefined ? "" : ` length ${figure(length)}, largest ${figure(largest)}`;
    const told = element("figcaption", {}, element("b", { text: this.title }), ` ${(size ?? shape).join("×")}${sizes}`);
    if (caption) told.append(element("p", { class: "said", text: caption }));
    return told;
  }

  #numbers() {
    const details = element("details", { class: "numbers" }, element("summary", { text: `numbers of ${this.title}` }));
    details.addEventListener("toggle", () => {
      if (details.open && details.children.length === 1) details.append(element("div", { class: "wide" }, this.#table()));
    });
    return details;
  }

  #table() {
    const { shape, labels } = this.about;
    const width = shape.length > 1 ? shape.at(-1) : 1;
    const rows = Math.min(ROWS, Math.ceil(this.values.length / width));
    const table = element("table", { class: "numbers" });
    const named = shape.length === 1 || shape.length === 2 ? labels : null;
    for (let r = 0; r < rows; r++) {
      const place = shape.length > 1 ? placeOf(r * width, shape).slice(0, -1) : [r];
      const row = element("tr", {}, element("th", { scope: "row", text: named?.[r] ?? place.join(", ") }));
      for (let s = 0; s < Math.min(width, ROWS); s++) row.append(element("td", { text: figure(this.values[r * width + s]) }));
      table.append(row);
    }
    const all = Math.ceil(this.values.length / width);
    if (all > rows) table.append(element("tr", {}, element("th", { text: `… ${all} rows in all` })));
    return table;
  }

  /** Draw the array, and the unit that is pointed at. */
  draw() {
    const context = this.canvas.getContext("2d");
    const { maps, height, width, count, isFolded } = this.layout;
    const dark = isDark.matches;
    const shades = this.about.signed ? SIGNED[Number(dark)] : INKED, last = shades.length - 1;
    // Around zero: −most to most. Ink: low to high. Each number falls into one of the shades.
    const from = this.about.signed ? -this.most : this.low, scale = last / (this.about.signed ? 2 * this.most : this.high - this.low || 1);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    if (this.labels) Object.assign(context, { fillStyle: dark ? "#e6eaee" : "#1b2026", font: "11px sans-serif" });
    context.lineWidth = 1;
    context.strokeStyle = dark ? "#454d56" : "#c3c9cf";
    context.imageSmoothingEnabled = false;
    const { canvas, image, pixels } = bufferOf(width, height);
    for (let m = 0; m < maps; m++) {
      const start = m * height * width, there = isFolded ? count : pixels.length;
      for (let i = 0; i < there; i++) {
        const value = this.values[start + i], shade = Math.round((value - from) * scale);
        pixels[i] = shade >= 0 && shade <= last ? shades[shade] : NO_NUMBER;
      }
      pixels.fill(0, there);
      canvas.getContext("2d").putImageData(image, 0, 0);
      const [x, y] = this.#corner(m), across = width * this.side, down = height * this.side;
      context.drawImage(canvas, 0, 0, width, height, x, y, across, down);
      if (maps > 1) context.strokeRect(x - 0.5, y - 0.5, across + 1, down + 1);
      if (this.labels) context.fillText(this.labels[m] ?? "", x, y - 3);
    }
    if (this.at !== null) this.#frame(context, [this.at]);
    if (this.marked) this.#frame(context, this.marked);
  }

  /** Frame a unit by its place, without a word to `onUnit`. */
  frame(place) {
    const { shape } = this.about;
    if (place.length !== shape.length || !place.every((i, axis) => i >= 0 && i < shape[axis])) return;
    this.at = place.reduce((index, i, axis) => index * shape[axis] + i, 0);
    this.draw();
  }

  /** Put a frame around a box, (start, stop) along each axis; or take it away. */
  mark(box) {
    this.marked = null;
    const { shape } = this.about;
    if (box && box.length === shape.length && shape.length && this.values.length <= 200000) {
      const whole = box.every(([start, stop], axis) => start === 0 && stop === shape[axis]);
      if (!whole) this.marked = indicesIn(box, shape);
    }
    this.draw();
  }

  #corner(map) {
    const { height, width } = this.layout;
    return [(map % this.across) * (width * this.side + 4), Math.floor(map / this.across) * (height * this.side + 4 + this.head) + this.head];
  }

  #frame(context, indices) {
    const { height, width } = this.layout;
    const boxes = new Map();
    for (const i of indices) {
      const map = Math.floor(i / (height * width)), r = Math.floor((i % (height * width)) / width), s = i % width;
      const box = boxes.get(map) ?? [r, s, r, s];
      boxes.set(map, [Math.min(box[0], r), Math.min(box[1], s), Math.max(box[2], r), Math.max(box[3], s)]);
    }
    for (const [map, [top, left, bottom, right]] of boxes) {
      const [x, y] = this.#corner(map);
      const around = [x + left * this.side, y + top * this.side, (right - left + 1) * this.side, (bottom - top + 1) * this.side];
      context.lineWidth = 3;
      context.strokeStyle = "#fff";
      context.strokeRect(...around);
      context.lineWidth = 1.5;
      context.strokeStyle = "#c000a0";
      context.strokeRect(...around);
    }
  }

  #listen() {
    this.canvas.addEventListener("pointermove", (event) => this.#point(this.#under(event)));
    this.canvas.addEventListener("pointerdown", (event) => this.#point(this.#under(event)));
    this.canvas.addEventListener("focus", () => this.at === null && this.#point(0));
    this.canvas.addEventListener("keydown", (event) => {
      const { width, count } = this.layout;
      const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -width, ArrowDown: width }[event.key];
      const to = { Home: 0, End: count - 1 }[event.key] ?? (by === undefined ? undefined : (this.at ?? 0) + by);
      if (to === undefined) return;
      event.preventDefault();
      if (to >= 0 && to < count) this.#point(to);
    });
  }

  #under(event) {
    const { height, width, maps, count } = this.layout;
    const box = this.canvas.getBoundingClientRect();
    const scale = this.canvas.width / box.width;
    const x = (event.clientX - box.left) * scale, y = (event.clientY - box.top) * scale;
    const column = Math.floor(x / (width * this.side + 4)), row = Math.floor(y / (height * this.side + 4 + this.head));
    const [left, top] = this.#corner(row * this.across + column);
    const s = Math.floor((x - left) / this.side), r = Math.floor((y - top) / this.side);
    const map = row * this.across + column;
    if (column >= this.across || map >= maps || s < 0 || s >= width || r < 0 || r >= height) return null;
    const at = (map * height + r) * width + s;
    return at < count ? at : null;
  }

  #point(at) {
    if (at === null || at === this.at) return;
    this.at = at;
    this.draw();
    this.onUnit(placeOf(at, this.about.shape), this);
  }

  /** Point at nothing. */
  leave() {
    this.at = this.marked = null;
    this.draw();
  }
}

function placeOf(index, shape) {
  const place = [];
  for (const side of [...shape].reverse()) {
    place.unshift(index % side);
    index = Math.floor(index / side);
  }
  return place;
}

function indicesIn(box, shape) {
  return box.reduce((found, [start, stop], axis) => found.flatMap((i) => {
    const next = [];
    for (let j = start; j < stop; j++) next.push(i * shape[axis] + j);
    return next;
  }), [0]);
}

function packedColour(red, green, blue) {
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0; // little-endian, as all that runs browsers is
}

const isDark = matchMedia("(prefers-color-scheme: dark)");
const NO_NUMBER = packedColour(200, 0, 160);
const HALF = 255; // shades on either side of zero

/** Shades around zero, light and dark: blue above, orange below, as strong as the number is large. */
const SIGNED = [
  [[255, 255, 255], [0, 89, 168], [168, 67, 0]],
  [[24, 29, 34], [108, 184, 242], [242, 160, 101]],
].map(([zero, above, below]) => Uint32Array.from({ length: 2 * HALF + 1 }, (_, i) => {
  const part = Math.abs(i - HALF) / HALF, end = i >= HALF ? above : below;
  return packedColour(...zero.map((from, channel) => Math.round(from + (end[channel] - from) * part)));
}));

/** Shades from paper to ink: white is paper in any setting, so that a digit looks like one. */
const INKED = Uint32Array.from({ length: 256 }, (_, i) => packedColour(255 - i, 255 - i, 255 - i));

const buffers = new Map();

/** A canvas with a pixel for each number of a map, which is drawn larger from there. */
function bufferOf(width, height) {
  const key = `${width} ${height}`;
  if (!buffers.has(key)) {
    const image = new ImageData(width, height);
    buffers.set(key, { canvas: element("canvas", { width, height }), image, pixels: new Uint32Array(image.data.buffer) });
  }
  return buffers.get(key);
}

/** A layer, or a part of a model: its name, formulas, pictures and table. */
export function partNode(part, values, onUnit) {
  const node = element("section", { class: "part", "data-part": part.name });
  node.append(element("h3", {}, part.name, " ", element("small", { text: part.type })));
  if (part.about && !part.formulas.some((formula) => part.about.includes(formula))) node.append(element("p", { class: "said", text: part.about }));
  for (const formula of part.formulas) node.append(element("p", { class: "formula", text: formula }));
  if (part.note) node.append(element("p", { class: "said", text: part.note }));
  const pictures = part.pictures.map((about, number) => {
    const pointable = onUnit && part.has_units && number === 0;
    return new Picture(about, values(about), pointable ? { onUnit: (place, picture) => onUnit(part, place, picture) } : {});
  });
  if (pictures.length) node.append(element("div", { class: "pictures" }, ...pictures.map((picture) => picture.node)));
  if (part.table) node.append(element("div", { class: "wide" }, tableOf(part.table)));
  return { node, pictures, part };
}

/** Show parts in a place. Where one looks as it did before, it takes its new numbers, and keeps its focus and what was
 * opened in it. */
export function showParts(place, before, parts, values, onUnit) {
  const shown = parts.map((part, number) => {
    const old = before[number];
    if (!old || part.table || look(old.part) !== look(part)) return partNode(part, values, onUnit);
    part.pictures.forEach((about, i) => old.pictures[i].renew(about, values(about)));
    return Object.assign(old, { part });
  });
  const kept = place.children.length === shown.length && shown.every(({ node }, i) => node === place.children[i]);
  if (!kept) place.replaceChildren(...shown.map(({ node }) => node));
  return shown;
}

function look({ name, type, about, formulas, note, pictures }) {
  return JSON.stringify([name, type, about, formulas, note, pictures.map((each) => [each.name, each.shape])]);
}

/** A table of texts, the first row of which is its head. */
export function tableOf([head, ...rows]) {
  const table = element("table", { class: "numbers" });
  table.append(element("tr", {}, ...head.map((text) => element("th", { scope: "col", text }))));
  for (const [first, ...rest] of rows) table.append(element("tr", {}, element("th", { scope: "row", text: first }), ...rest.map((text) => element("td", { text }))));
  return table;
}
