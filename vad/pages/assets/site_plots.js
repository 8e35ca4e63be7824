"use strict";
/* Figures of the page of all results: each draws into an element and returns nothing. */
const Plots = (() => {
  const COLOURS = 6;
  const DASHES = [[], [7, 4], [2, 3]];
  const WIDTH = 640;
  const HEIGHT = 300;
  const NARROW = 560;
  const drawn = new Map();

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  }
  /* A colour for each place; further places repeat them with dashes. */
  const own = (place) => `c${(place % COLOURS) + 1}`;
  const dash = (place) => DASHES[Math.floor(place / COLOURS) % DASHES.length];

  function shape(parent, tag, attributes, text) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
    if (text !== undefined) element.textContent = text;
    parent.append(element);
    return element;
  }

  /* Nothing is drawn any more: neither the curves nor what a screen reader said of them. */
  function clear(box) {
    drawn.get(box)?.destroy();
    drawn.delete(box);
    box.replaceChildren();
    box.removeAttribute("aria-label");
  }

  /* Curves over a common x. `lines`: {name, values, place}; place null = grey. */
  function lines(box, { label, x, series, xLabel, yLabel, yRange, readout, diagonal, integers }) {
    clear(box);
    box.setAttribute("aria-label", label);
    const ordered = [...series].sort((a, b) => (a.place === null ? 0 : 1) - (b.place === null ? 0 : 1));
    const axis = { stroke: colour("muted"), grid: { stroke: colour("grid"), width: 1 }, ticks: { show: false } };
    const made = ordered.map((one) => ({
      label: one.name,
      stroke: colour(one.place === null ? "faint" : own(one.place)),
      width: one.place === null ? 1 : 2,
      dash: one.dash || (one.place === null ? [] : dash(one.place)),
      points: { show: one.values.filter((value) => value !== null).length === 1, size: 7 },
      spanGaps: true,
    }));
    const plot = new uPlot({
      width: box.clientWidth,
      height: HEIGHT,
      scales: {
        x: { time: false, range: (u, low, high) => (low === high ? [low - 1, high + 1] : [low, high]) },
        y: yRange ? { range: () => yRange } : {},
      },
      axes: [
        { ...axis, label: xLabel, labelSize: 22, size: 28, ...(integers ? { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500] } : {}) },
        { ...axis, label: yLabel, labelSize: 22, size: 46 },
      ],
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, y: false, points: { size: 6 } },
      series: [{}, ...made],
      hooks: {
        drawClear: diagonal ? [(u) => {
          u.ctx.save();
          u.ctx.strokeStyle = colour("faint");
          u.ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
          u.ctx.beginPath();
          u.ctx.moveTo(u.valToPos(0, "x", true), u.valToPos(0, "y", true));
          u.ctx.lineTo(u.valToPos(1, "x", true), u.valToPos(1, "y", true));
          u.ctx.stroke();
          u.ctx.restore();
        }] : [],
        setCursor: [(u) => readout?.(u.cursor.idx === null || u.cursor.left < 0 ? null : x[u.cursor.idx], ordered
          .filter((one) => one.place !== null && u.cursor.idx !== null)
          .map((one) => [one.name, one.values[u.cursor.idx]]))],
      },
    }, [x, ...ordered.map((one) => one.values)], box);
    drawn.set(box, plot);
    if (!box.dataset.watched) {
      box.dataset.watched = "yes";
      new ResizeObserver(() => {
        const now = drawn.get(box);
        if (box.clientWidth && now && now.width !== box.clientWidth) now.setSize({ width: box.clientWidth, height: HEIGHT });
      }).observe(box);
    }
  }

  /* Marks of a logarithmic axis. */
  function decades(low, high) {
    const marks = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
      for (const part of high / low > 100 ? [1] : [1, 2, 5]) {
        const value = part * 10 ** power;
        if (value >= low && value <= high) marks.push(value);
      }
    }
    return marks;
  }

  /* Points with names; x is logarithmic, with a place of its own for 0. `points`: {name, x, y, low, high, plain, text}. */
  function scatter(box, points, { xLabel, yLabel, format, chosen, say, pick }) {
    box.replaceChildren();
    if (!points.length) return;
    const narrow = box.clientWidth < NARROW;
    const [w, h] = narrow ? [400, 330] : [1000, 400];
    const edge = { left: 54, right: 14, top: 12, bottom: 44 };
    const svg = shape(box, "svg", { viewBox: `0 0 ${w} ${h}`, role: "group", "aria-label": `${yLabel} against ${xLabel}` });
    const xs = points.map((one) => one.x).filter((x) => x > 0);
    const least = xs.length ? Math.min(...xs) : 1;
    const none = points.some((one) => one.x === 0) ? least / 2.5 : null;
    const [x0, x1] = [(none ?? least) / 1.5, (xs.length ? Math.max(...xs) : 1) * 1.8];
    const lows = points.map((one) => one.low ?? one.y);
    const highs = points.map((one) => one.high ?? one.y);
    const [y0, y1] = [Math.max(0, Math.min(...lows) - 0.02), Math.min(1, Math.max(...highs) + 0.02)];
    const px = (x) => edge.left + (Math.log((x || none) / x0) / Math.log(x1 / x0)) * (w - edge.left - edge.right);
    const py = (y) => h - edge.bottom - ((y - y0) / (y1 - y0 || 1)) * (h - edge.top - edge.bottom);
    for (const mark of [...(none === null ? [] : [0]), ...decades(none === null ? x0 : least / 1.3, x1)]) {
      shape(svg, "line", { class: "grid", x1: px(mark), x2: px(mark), y1: edge.top, y2: h - edge.bottom });
      shape(svg, "text", { x: px(mark), y: h - edge.bottom + 17, "text-anchor": "middle" }, format(mark));
    }
    const step = y1 - y0 > 0.5 ? 0.2 : y1 - y0 > 0.22 ? 0.1 : 0.05;
    for (let mark = Math.ceil(y0 / step) * step; mark <= y1; mark += step) {
      shape(svg, "line", { class: "grid", x1: edge.left, x2: w - edge.right, y1: py(mark), y2: py(mark) });
      shape(svg, "text", { x: edge.left - 7, y: py(mark) + 4, "text-anchor": "end" }, mark.toFixed(2));
    }
    shape(svg, "text", { x: (edge.left + w) / 2, y: h - 6, "text-anchor": "middle" }, xLabel);
    shape(svg, "text", { x: 13, y: h / 2, "text-anchor": "middle", transform: `rotate(-90 13 ${h / 2})` }, yLabel);
    /* Those that nothing cheaper exceeds are named and joined by steps. */
    const sorted = [...points].sort((a, b) => a.x - b.x || b.y - a.y);
    const front = [];
    for (const one of sorted) if (!front.length || one.y > front[front.length - 1].y) front.push(one);
    const path = front.map((one, i) => (i ? `H${px(one.x)}V${py(one.y)}` : `M${px(one.x)} ${py(one.y)}`)).join("");
    shape(svg, "path", { class: "front", d: `${path}H${w - edge.right}` });
    for (const one of points) {
      if (one.low !== null) shape(svg, "line", { class: "bar", x1: px(one.x), x2: px(one.x), y1: py(one.low), y2: py(one.high) });
    }
    for (const one of sorted) {
      const circle = shape(svg, "circle", {
        cx: px(one.x), cy: py(one.y), r: 6.5, tabindex: 0, role: "button", "aria-label": one.text,
        class: `${one.plain ? "plain" : ""} ${one.name === chosen ? "chosen" : ""}`,
      });
      for (const kind of ["mouseenter", "focus"]) circle.addEventListener(kind, () => say(one.text));
      circle.addEventListener("click", () => pick(one.name));
      circle.addEventListener("keydown", (event) => { if (event.key === "Enter") pick(one.name); });
    }
    const taken = [];
    for (const one of front) {
      const long = one.name.length * 6.6;
      const right = px(one.x) + 10 + long < w;
      const left = right ? px(one.x) + 10 : px(one.x) - 10 - long;
      let y = py(one.y) - 8;
      while (taken.some((t) => Math.abs(t.y - y) < 13 && left < t.right && left + long > t.left)) y -= 13;
      taken.push({ y, left, right: left + long });
      shape(svg, "text", { class: "label", x: left, y }, one.name);
    }
  }

  /* A map of points: anomalous ones are squares. `say` and `open` are given the place of a point. */
  function embedding(box, map, { label, say, open }) {
    box.replaceChildren();
    const [w, h] = [WIDTH, 460];
    const svg = shape(box, "svg", { viewBox: `0 0 ${w} ${h}`, role: "application", tabindex: 0, "aria-label": label });
    shape(svg, "rect", { x: 0, y: 0, width: w, height: h, rx: 8 });
    const at = map.x.map((x, i) => [14 + (x / 1000) * (w - 28), 14 + ((1000 - map.y[i]) / 1000) * (h - 28)]);
    const order = at.map((_, i) => i).sort((a, b) => map.l[a] - map.l[b]);
    const marks = [];
    for (const i of order) {
      const [x, y] = at[i];
      marks[i] = map.l[i]
        ? shape(svg, "path", { class: "p a", d: `M${(x - 4).toFixed(1)} ${(y - 4).toFixed(1)}h8v8h-8z` })
        : shape(svg, "circle", { class: "p", cx: x.toFixed(1), cy: y.toFixed(1), r: 4.2 });
    }
    let now = -1;
    function choose(i) {
      if (i === now) return;
      for (const one of svg.querySelectorAll(".same")) one.classList.remove("same");
      now = i;
      if (i >= 0) marks.forEach((one, k) => { if (map.v[k] === map.v[i]) one.classList.add("same"); });
      say(i);
    }
    function nearest(event) {
      const place = svg.getBoundingClientRect();
      const [x, y] = [((event.clientX - place.x) / place.width) * w, ((event.clientY - place.y) / place.height) * h];
      let [best, least] = [-1, 18 ** 2];
      at.forEach(([px, py], i) => {
        const far = (px - x) ** 2 + (py - y) ** 2;
        if (far < least) [best, least] = [i, far];
      });
      return best;
    }
    svg.addEventListener("pointermove", (event) => choose(nearest(event)));
    svg.addEventListener("click", (event) => { const i = nearest(event); if (i >= 0) open(i); });
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (step) {
        event.preventDefault();
        choose((now + step + at.length) % at.length);
      } else if (event.key === "Enter" && now >= 0) open(now);
    });
  }

  /* Mean and interval on a common scale, for a cell of a table. */
  function interval(cell, [mean, , low, high], bottom, top, reference, label) {
    const x = (value) => 6 + ((value - bottom) / (top - bottom || 1)) * 188;
    const svg = shape(cell, "svg", { viewBox: "0 0 200 26", preserveAspectRatio: "none", role: "img", "aria-label": label });
    for (const mark of [bottom, (bottom + top) / 2, top]) shape(svg, "line", { class: "axis", x1: x(mark), x2: x(mark), y1: 0, y2: 26 });
    if (low !== null) shape(svg, "line", { class: reference ? "reference" : "interval", x1: x(low), x2: x(high), y1: 13, y2: 13 });
    shape(svg, "rect", { class: reference ? "mean plain" : "mean", x: x(mean) - 2, y: 6, width: 4, height: 14 });
  }

  return { clear, lines, scatter, embedding, interval, own, NARROW };
})();
