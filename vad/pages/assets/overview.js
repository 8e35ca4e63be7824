"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const by = (id) => document.getElementById(id);
  const short = (value) => String(Number(value.toPrecision(4)));
  function span(seconds) {
    if (seconds < 60) return `${seconds.toFixed(1)} s`;
    const whole = Math.round(seconds);
    const two = (n) => String(n).padStart(2, "0");
    const minutes = `${Math.floor(whole / 60) % 60}`;
    return whole < 3600 ? `${minutes}:${two(whole % 60)}` : `${Math.floor(whole / 3600)}:${two(minutes)}:${two(whole % 60)}`;
  }
  const count = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;
  function cell(text, className) {
    const element = document.createElement("td");
    element.textContent = text;
    element.className = className || "num";
    return element;
  }
  function shape(parent, tag, attributes) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    parent.append(element);
    return element;
  }

  /* One scale for all rows, so that curves can be compared. */
  const values = data.rows.flatMap((row) => [...row.strip, ...(row.threshold === null || !row.strip.length ? [] : [row.threshold])]);
  const bottom = values.reduce((a, b) => Math.min(a, b), Infinity);
  const top = values.reduce((a, b) => Math.max(a, b), -Infinity);
  const y = (value) => 31 - ((value - bottom) / (top - bottom || 1)) * 24;
  function strip(row) {
    const box = cell("", "strip");
    if (!row.strip.length) return box;
    const svg = shape(box, "svg", { viewBox: "0 0 1000 34", preserveAspectRatio: "none", role: "img" });
    svg.setAttribute("aria-label", `${count(row.alarms, "alarm")} in ${span(row.seconds)}`);
    for (const [start, stop] of row.drawn) {
      const width = Math.max((stop - start) * 1000, 3);
      shape(svg, "rect", { class: "band", x: start * 1000, y: 0, width, height: 34 });
      shape(svg, "rect", { class: "top", x: start * 1000, y: 0, width, height: 4 });
    }
    const x = (i) => ((i + 0.5) / row.strip.length) * 1000;
    const points = row.strip.map((value, i) => `${x(i).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
    shape(svg, "polyline", { class: "curve", points });
    if (row.threshold !== null) shape(svg, "line", { class: "threshold", x1: 0, x2: 1000, y1: y(row.threshold), y2: y(row.threshold) });
    return box;
  }
  function made(row) {
    const line = document.createElement("tr");
    const name = cell("", "name");
    const label = document.createElement(row.href ? "a" : "span");
    label.textContent = row.id;
    if (row.href) label.href = row.href;
    name.append(label);
    if (row.note) {
      const note = document.createElement("span");
      note.textContent = row.note;
      note.className = "muted";
      name.append(note);
    }
    line.append(name, strip(row), cell(row.seconds ? span(row.seconds) : "-"),
      cell(row.highest === null ? "-" : short(row.highest)),
      cell(row.highest === null ? "-" : String(row.alarms), row.alarms ? "num raised" : "num"),
      cell(row.highest === null ? "-" : span(row.alarm_s)));
    return line;
  }

  const lines = data.rows.map((row) => ({ row, line: made(row) }));
  const total = data.rows.reduce((sum, row) => sum + row.alarms, 0);
  const raised = data.rows.filter((row) => row.alarms).length;
  by("title").textContent = data.title;
  if (data.up) {
    by("up").hidden = false;
    by("up").href = data.up;
  }
  function show() {
    const word = by("filter").value.trim().toLowerCase();
    let shown = 0;
    for (const { row, line } of lines) {
      line.hidden = !`${row.id} ${row.note}`.toLowerCase().includes(word);
      shown += line.hidden ? 0 : 1;
    }
    by("facts").textContent = [
      word ? `${shown} of ${count(lines.length, "video")} shown` : count(lines.length, "video"),
      `${count(total, "alarm")} in ${raised} of them`,
    ].join("  ·  ");
  }
  function sort(key, down) {
    const order = down ? -1 : 1;
    lines.sort((a, b) => {
      const [one, two] = [a.row[key], b.row[key]];
      /* What was not scored stands last, whichever way. */
      if (one === null || two === null) return (one === null) - (two === null);
      return order * (typeof one === "string" ? one.localeCompare(two, "en", { numeric: true }) : one - two);
    });
    by("rows").append(...lines.map(({ line }) => line));
  }
  for (const button of document.querySelectorAll("th button")) {
    button.addEventListener("click", () => {
      const head = button.closest("th");
      const before = head.getAttribute("aria-sort");
      /* Numbers are wanted highest first. */
      const down = before ? before === "ascending" : button.dataset.key !== "id";
      for (const other of document.querySelectorAll("th")) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      sort(button.dataset.key, down);
    });
  }
  by("filter").addEventListener("input", show);
  by("rows").append(...lines.map(({ line }) => line));
  show();
})();
