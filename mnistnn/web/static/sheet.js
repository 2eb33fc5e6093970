// The sheet that is drawn on, by mouse, pen or finger: strokes, which can be undone, sent as bytes, and kept in a link.

const FACTOR = 2; // points are kept in halves of a pixel, so that a link has all of what was drawn
const MOST_POINTS = 20000; // of a drawing in a link

/** Strokes on a canvas, and on a smaller one, `sent`, which the server is given and which is saved. `width()` is that of
 * the next stroke; `onChange(event, isOver)` is told of each change, with the event that made it. */
export class Sheet {
  constructor(canvas, sent, width, onChange) {
    Object.assign(this, { canvas, sent, width, onChange, side: canvas.width, strokes: [], current: null });
    this.ink = canvas.getContext("2d");
    this.small = sent.getContext("2d", { willReadFrequently: true });
    this.small.scale(sent.width / this.side, sent.height / this.side);
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => this.#end(event));
    this.paint();
  }

  get isEmpty() {
    return !this.strokes.length && !this.current;
  }

  /** Take back the last stroke. */
  undo(event) {
    if (this.strokes.pop()) this.#changed(event);
  }

  clear(event) {
    this.strokes = [];
    this.#changed(event);
  }

  /** Return a byte for each pixel of what is sent: 0 is paper, 255 ink. */
  bytes() {
    this.#strokesOn(this.small);
    const grey = new Uint32Array(this.small.getImageData(0, 0, this.sent.width, this.sent.height).data.buffer);
    const found = new Uint8Array(grey.length);
    for (let i = 0; i < found.length; i++) found[i] = 255 - (grey[i] & 255);
    return found;
  }

  /** Show an image (h, w) of 0 … 255 in place of strokes. */
  showImage(image, height, width) {
    this.#blank(this.ink);
    const side = Math.min(this.side / width, this.side / height);
    image.forEach((value, i) => {
      if (value === 0) return;
      const grey = 255 - value;
      this.ink.fillStyle = `rgb(${grey},${grey},${grey})`;
      this.ink.fillRect((i % width) * side, Math.floor(i / width) * side, Math.ceil(side), Math.ceil(side));
    });
  }

  paint() {
    this.#strokesOn(this.ink);
  }

  /** Return the strokes as text for a link: for each its width, its count of points, the first one, and then steps. */
  encoded() {
    const numbers = [];
    for (const { width, points } of this.strokes) {
      numbers.push(width, points.length);
      let [before, above] = [0, 0];
      for (const [x, y] of points.map((point) => point.map((each) => Math.round(FACTOR * each)))) {
        numbers.push(signedAsWhole(x - before), signedAsWhole(y - above));
        [before, above] = [x, y];
      }
    }
    return asText(numbers);
  }

  /** Take strokes from such a text. Throw an Error for one that is none. */
  decode(text) {
    const numbers = asNumbers(text), strokes = [];
    let at = 0, points = 0;
    const next = () => {
      if (at >= numbers.length) throw new Error("the link's drawing is cut off");
      return numbers[at++];
    };
    while (at < numbers.length) {
      const stroke = { width: Math.min(this.side, next()), points: [] }, count = next();
      if ((points += count) > MOST_POINTS || !count) throw new Error("the link's drawing is none of this page");
      let [x, y] = [0, 0];
      for (let i = 0; i < count; i++) {
        x += wholeAsSigned(next());
        y += wholeAsSigned(next());
        stroke.points.push([x / FACTOR, y / FACTOR]);
      }
      strokes.push(stroke);
    }
    this.strokes = strokes;
    this.paint();
  }

  #strokesOn(ink) {
    this.#blank(ink);
    for (const stroke of this.strokes) this.#line(ink, stroke.width, stroke.points);
    if (this.current) this.#line(ink, this.current.width, this.current.points);
  }

  #blank(ink) {
    ink.fillStyle = "#fff";
    ink.fillRect(0, 0, this.side, this.side);
  }

  #line(ink, width, [[x, y], ...rest]) {
    ink.lineCap = ink.lineJoin = "round";
    ink.strokeStyle = "#000";
    ink.lineWidth = width;
    ink.beginPath();
    ink.moveTo(x, y);
    if (rest.length) for (const point of rest) ink.lineTo(...point);
    else ink.lineTo(x + 0.01, y);
    ink.stroke();
  }

  #changed(event, isOver = true) {
    this.paint();
    this.onChange(event, isOver);
  }

  #placeOf(event) {
    const box = this.canvas.getBoundingClientRect();
    return [((event.clientX - box.left) * this.side) / box.width, ((event.clientY - box.top) * this.side) / box.height].map(
      (each) => Math.round(FACTOR * each) / FACTOR,
    );
  }

  #down(event) {
    if (event.button !== 0 || this.current) return; // a second finger draws nothing
    event.preventDefault();
    this.canvas.focus({ preventScroll: true });
    this.canvas.setPointerCapture(event.pointerId);
    this.current = { width: this.width(), points: [this.#placeOf(event)], pointer: event.pointerId };
    this.#changed(event, false);
  }

  #move(event) {
    if (this.current?.pointer !== event.pointerId) return;
    const moves = event.getCoalescedEvents?.() ?? [];
    for (const move of moves.length ? moves : [event]) this.current.points.push(this.#placeOf(move));
    this.#changed(event, false);
  }

  #end(event) {
    if (this.current?.pointer !== event.pointerId) return;
    const { width, points } = this.current;
    if (event.type === "pointerup") this.strokes.push({ width, points });
    this.current = null;
    this.#changed(event);
  }
}

function signedAsWhole(value) {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

function wholeAsSigned(value) {
  return value % 2 ? -(value + 1) / 2 : value / 2;
}

// Whole numbers, seven bits in a byte, the lowest first, the eighth where more follow; and these as base64 for addresses.

function asText(numbers) {
  let bytes = "";
  for (let value of numbers) {
    for (; value > 127; value = Math.floor(value / 128)) bytes += String.fromCharCode((value % 128) | 128);
    bytes += String.fromCharCode(value);
  }
  return btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function asNumbers(text) {
  let bytes;
  try {
    bytes = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    throw new Error("the link's drawing is none of this page");
  }
  const numbers = [];
  let value = 0, factor = 1;
  for (const character of bytes) {
    const byte = character.charCodeAt(0);
    value += (byte & 127) * factor;
    factor = byte > 127 ? factor * 128 : 1;
    if (factor > 2 ** 28) throw new Error("the link's drawing is none of this page");
    if (byte <= 127) {
      numbers.push(value);
      value = 0;
    }
  }
  return numbers;
}
