"use strict";
// Shows the values under the pointer, below each chart.
for (const figure of document.querySelectorAll(".chart")) {
  const svg = figure.querySelector("svg[role=img]"), cursor = svg.querySelector(".cursor");
  const said = figure.querySelector(".values");
  const {low, high, left, right, x: xName, unit} = svg.dataset;
  const lines = [...svg.querySelectorAll("[data-values]")].map(line => ({
    label: line.dataset.label,
    points: line.dataset.values.split(" ").map(point => point.split(",").map(Number)),
  }));
  const nearest = (points, x) => points.reduce((a, b) => Math.abs(b[0] - x) < Math.abs(a[0] - x) ? b : a);
  const everywhere = lines.flatMap(line => line.points);
  const show = event => {
    const box = svg.getBoundingClientRect();
    const at = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
    const share = Math.min(1, Math.max(0, (at - left) / (right - left)));
    const x = nearest(everywhere, +low + share * (high - low))[0];
    const place = +left + (x - low) / (high - low) * (right - left);
    cursor.setAttribute("x1", place);
    cursor.setAttribute("x2", place);
    svg.classList.add("shown");
    said.textContent = [`${xName} ${x}`, ...lines.map(({label, points}) => {
      const [where, y, deviation] = nearest(points, x);
      return `${label} ${y}${deviation ? ` ± ${deviation}` : ""}${unit}${where === x ? "" : ` (at ${where})`}`;
    })].join("   ");
  };
  svg.addEventListener("pointermove", show);
  svg.addEventListener("pointerdown", show);
  svg.addEventListener("pointerleave", () => {
    svg.classList.remove("shown");
    said.textContent = "";
  });
}
