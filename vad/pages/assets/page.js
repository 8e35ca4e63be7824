"use strict";
(() => {
  const by = (id) => document.getElementById(id);
  const all = JSON.parse(by("data").textContent);
  /* A page of several models shows the one that its address names, else the first one. */
  const choices = all.choices || [all];
  const address = location.hash.slice(1);
  const data = choices.find((one) => one.name === address) || choices[0];
  if (data.curve && !data.curve.ms) data.curve.ms = choices[0].curve.ms;
  const film = by("film");
  const MOST_ROWS = 200;
  /* Seconds between marks of the axis of time. */
  const STEPS = [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200];

  /* Elements are made with text only: no name or note is ever read as HTML. */
  function made(tag, text, className) {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    if (className) element.className = className;
    return element;
  }

  function clock(seconds, digits = 1) {
    const unit = 10 ** digits;
    const ticks = Math.round(Math.max(seconds, 0) * unit);
    const hours = Math.floor(ticks / unit / 3600);
    const minutes = Math.floor(ticks / unit / 60) % 60;
    const rest = ((ticks % (60 * unit)) / unit).toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
    return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
  }
  const short = (value) => String(Number(value.toPrecision(4)));
  const span = (seconds) => (seconds < 60 ? `${seconds.toFixed(seconds < 1 ? 2 : 1)} s` : clock(seconds, 0));
  const count = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;

  /* Frames and times. Of a long video the curve holds stretches of `per` frames; inside one, frames lie evenly. */
  const curve = data.curve || { per: 1, ms: [], high: [], low: null };
  const per = curve.per;
  const starts = [];
  curve.ms.reduce((sum, step) => (starts.push((sum + step) / 1000), sum + step), 0);
  const high = curve.high;
  const low = curve.low || curve.high;
  const edge = (i) => (i < starts.length ? starts[i] : data.end);
  const framesIn = (i) => Math.min(per, data.frames - i * per);
  function timeOf(frame) {
    const i = Math.min(Math.floor(frame / per), starts.length - 1);
    return starts[i] + ((frame - i * per) / framesIn(i)) * (edge(i + 1) - starts[i]);
  }
  function stretchAt(time) {
    let first = 0;
    let last = starts.length;
    while (last - first > 1) {
      const middle = (first + last) >> 1;
      if (starts[middle] <= time) first = middle; else last = middle;
    }
    return first;
  }
  function frameAt(time) {
    const i = stretchAt(time);
    const inside = (time - starts[i]) / (edge(i + 1) - starts[i] || 1);
    return i * per + Math.min(Math.max(Math.floor(inside * framesIn(i) + 1e-6), 0), framesIn(i) - 1);
  }
  const highest = (first, stop) => {
    let value = -Infinity;
    for (let i = Math.floor(first / per); i * per < stop; i++) value = Math.max(value, high[i]);
    return value;
  };

  /* The rule of the run: begin and end with hysteresis, merge, drop. */
  function alarmsAt(threshold) {
    if (threshold === initial) return data.alarms;
    const release = threshold - data.rule.hysteresis * Math.max(threshold - data.median, 0);
    const found = [];
    let start = -1;
    for (let i = 0; i <= high.length; i++) {
      const on = i < high.length && high[i] >= (start < 0 ? threshold : release);
      if (on && start < 0) start = i * per;
      if (!on && start >= 0) {
        const stop = Math.min(i * per, data.frames);
        const before = found[found.length - 1];
        if (before && start - before[1] <= data.rule.merge_frames) before[1] = stop; else found.push([start, stop]);
        start = -1;
      }
    }
    return found.filter(([first, stop]) => stop - first >= data.rule.min_frames);
  }

  const ends = (values, better) => values.reduce((a, b) => better(a, b), values[0]);
  const [lowest, topmost] = [ends(low, Math.min), ends(high, Math.max)];
  const room = (a, b) => (b - a || Math.abs(b) || 1) * 0.12;
  /* Without a threshold the page begins at one that nothing reaches. */
  const initial = data.threshold === null ? topmost + room(lowest, topmost) : data.threshold;
  let threshold = initial;
  let alarms = data.alarms;
  let now = 0;
  let plot = null;
  let line = null;
  let colours = {};

  /* Head of the page. */
  document.documentElement.dataset.ready = "no";
  by("name").textContent = data.id;
  by("facts").textContent = [
    data.frames ? `${span(data.end)} long` : "",
    count(data.frames, "frame"),
    data.fps ? `${short(data.fps)} frames/s` : "",
  ].filter(Boolean).join("  ·  ");
  if (data.index) {
    by("index").hidden = false;
    by("index").href = data.index;
  }
  if (choices.length > 1) {
    by("model-choice").hidden = false;
    by("model").append(...choices.map((one) => made("option", one.name)));
    by("model").value = data.name;
    by("model").addEventListener("change", () => { location.hash = by("model").value; });
    addEventListener("hashchange", () => location.reload());
  }
  const notes = [...data.notes];
  if (all.choices && address && data.name !== address) {
    notes.push(`This page has no scores of ${address}, which its address names${data.name ? `: it shows ${data.name}` : ""}.`);
  }
  if (per > 1) {
    notes.push(`The curve shows the lowest and the highest score of each ${per} frames; where you move the threshold, `
      + "alarms begin and end at such stretches.");
  }
  notes.push({
    none: "No pictures of the video are in this page.",
    blur: "Pictures are blurred so that no face can be made out.",
    full: "Pictures show the video as it is.",
  }[data.previews]);
  for (const text of notes) by("notes").append(made("li", text));
  for (const file of data.downloads) {
    const link = made("a", file.name);
    link.href = file.href;
    link.download = file.name;
    by("downloads").append(link);
    by("downloads").hidden = false;
  }

  if (!data.curve) {
    by("verdict").textContent = "No score";
    by("details").textContent = data.notes[0] || "";
    for (const id of ["timeline", "columns"]) by(id).hidden = true;
    document.documentElement.dataset.ready = "yes";
    return;
  }

  /* Result, list of alarms. */
  function report() {
    const seconds = alarms.reduce((sum, [first, stop]) => sum + endOf(stop) - timeOf(first), 0);
    const top = high.reduce((best, value, i) => (value > high[best] ? i : best), 0);
    document.querySelector(".verdict").classList.toggle("raised", alarms.length > 0);
    const open = data.threshold === null && threshold === initial;
    by("verdict").textContent = alarms.length ? count(alarms.length, "alarm") : open ? "No threshold" : "No alarm";
    const parts = alarms.length ? [`${span(seconds)} of ${span(data.end)}`] : [];
    parts.push(`highest score ${short(high[top])} at ${clock(starts[top])}`,
      open ? "move the threshold to see alarms" : `threshold ${short(threshold)}`);
    if (data.labels) {
      const meets = (one, many) => many.some(([first, stop]) => first < one[1] && one[0] < stop);
      const hit = data.labels.filter((one) => meets(one, alarms)).length;
      const extra = alarms.filter((one) => !meets(one, data.labels)).length;
      parts.push(data.labels.length
        ? `${hit} of ${count(data.labels.length, "labelled event")} met` : "labelled normal throughout");
      if (alarms.length) parts.push(`${count(extra, "alarm")} outside of labels`);
    }
    by("details").textContent = parts.join("  ·  ");
    by("chart").setAttribute("aria-label", `Score over ${span(data.end)}. ${by("verdict").textContent}: `
      + `${parts.join(", ")}. Each alarm is listed in the table of alarms.`);
    const rows = by("alarms");
    rows.replaceChildren(...alarms.slice(0, MOST_ROWS).map(([first, stop]) => {
      const row = made("tr");
      const cell = made("td");
      const button = made("button", clock(timeOf(first)));
      button.type = "button";
      button.setAttribute("aria-label", `Go to the alarm at ${clock(timeOf(first))}`);
      button.addEventListener("click", () => go(first));
      cell.append(button);
      row.append(cell, made("td", span(endOf(stop) - timeOf(first)), "num"),
        made("td", `${first}\u2013${stop - 1}`, "num"), made("td", short(highest(first, stop)), "num"));
      return row;
    }));
    rows.parentElement.hidden = !alarms.length;
    const more = alarms.length - MOST_ROWS;
    by("no-alarm").hidden = alarms.length > 0 && more <= 0;
    by("no-alarm").textContent = more > 0 ? `and ${more} more` : `No score reaches the threshold ${short(threshold)}`
      + (data.rule.min_frames > 1 ? ` for ${data.rule.min_frames} frames.` : ".");
    const outside = alarms.length === 0;
    by("previous").disabled = outside;
    by("next").disabled = outside;
    by("reset").disabled = threshold === initial;
    place();
  }
  /* The end of the frame before `stop`. */
  const endOf = (stop) => (stop >= data.frames ? data.end : timeOf(stop));

  /* Position: of the film where there is one, else of its own. */
  function place() {
    const time = timeOf(now);
    by("readout").textContent = said(now);
    if (plot && line) {
      const left = plot.valToPos(time, "x");
      line.style.transform = `translateX(${left}px)`;
      line.hidden = left < 0 || left > plot.over.clientWidth;
    }
    drawMap();
    Array.from(by("alarms").children).forEach((row, i) => {
      row.classList.toggle("now", alarms[i][0] <= now && now < alarms[i][1]);
    });
  }
  /* The map whose frame is nearest to the position, over the picture; the higher a cell, the more opaque. */
  const levels = data.heat ? atob(data.heat.levels) : "";
  function drawMap() {
    const map = by("map");
    map.hidden = !(data.film && data.heat && by("map-shown").checked && film.videoWidth && !film.hidden);
    by("map-frame").textContent = "";
    if (map.hidden) return;
    const { frames, rows, columns } = data.heat;
    const nearest = frames.reduce((best, frame, i) => (Math.abs(frame - now) < Math.abs(frames[best] - now) ? i : best), 0);
    const picture = new ImageData(columns, rows);
    for (let i = 0; i < rows * columns; i += 1) {
      const level = levels.charCodeAt(nearest * rows * columns + i);
      picture.data.set([255, 60 + 0.6 * (255 - level), 0, level], 4 * i);
    }
    Object.assign(map, { width: columns, height: rows });
    map.getContext("2d").putImageData(picture, 0, 0);
    /* A high picture has bars beside it. */
    const scale = Math.min(film.clientWidth / film.videoWidth, film.clientHeight / film.videoHeight);
    const [wide, tall] = [scale * film.videoWidth, scale * film.videoHeight];
    Object.assign(map.style, {
      left: `${(film.clientWidth - wide) / 2}px`,
      top: `${(film.clientHeight - tall) / 2}px`,
      width: `${wide}px`,
      height: `${tall}px`,
      opacity: by("map-opacity").value,
    });
    by("map-frame").textContent = `map of frame ${frames[nearest]}`;
  }
  function said(frame) {
    const i = Math.floor(frame / per);
    const score = per > 1 && low[i] < high[i] ? `${short(low[i])} to ${short(high[i])}` : short(high[i]);
    return `${clock(timeOf(frame))}  ·  frame ${frame}  ·  score ${score}`;
  }
  function go(frame) {
    now = Math.min(Math.max(frame, 0), data.frames - 1);
    if (data.film) {
      film.pause();
      film.currentTime = (timeOf(now) + endOf(now + 1)) / 2;
    }
    place();
  }
  function jump(step) {
    const first = alarms.map((alarm) => alarm[0]);
    const found = step > 0 ? first.find((frame) => frame > now) : first.reverse().find((frame) => frame < now);
    if (found !== undefined) go(found);
  }
  function follow() {
    if (!film.seeking) {
      now = frameAt(film.currentTime);
      place();
    }
    if (!film.paused && !film.ended) requestAnimationFrame(follow);
  }
  if (data.film) {
    by("player").hidden = false;
    by("columns").classList.add("two");
    film.addEventListener("play", follow);
    film.addEventListener("seeked", () => { if (film.currentTime !== (timeOf(now) + endOf(now + 1)) / 2) follow(); });
    film.addEventListener("error", () => {
      film.hidden = true;
      by("lost").hidden = false;
      by("lost").textContent = `The preview ${data.film.name} is not beside this page, or this browser cannot play it.`;
    });
    film.src = data.film.src;
    by("map-choice").hidden = !data.heat;
    for (const name of ["map-shown", "map-opacity"]) by(name).addEventListener("input", drawMap);
    film.addEventListener("loadedmetadata", drawMap);
  }
  by("space").hidden = !data.film;

  /* The curve. */
  function readColours() {
    const style = getComputedStyle(document.documentElement);
    for (const name of ["alarm", "alarm-fill", "label", "label-fill", "label-hatch", "curve", "grid", "muted"]) {
      colours[name] = style.getPropertyValue(`--${name}`).trim();
    }
  }
  function range() {
    const [bottom, top] = [Math.min(threshold, lowest), Math.max(threshold, topmost)];
    return [bottom - room(bottom, top), top + room(bottom, top)];
  }
  /* Red above the threshold, so that alarms are seen in the curve itself. */
  function stroke(u) {
    const share = (u.valToPos(threshold, "y", true) - u.bbox.top) / u.bbox.height;
    if (!Number.isFinite(share)) return colours.curve;
    const at = Math.min(Math.max(share, 0), 1);
    const gradient = u.ctx.createLinearGradient(0, u.bbox.top, 0, u.bbox.top + u.bbox.height);
    gradient.addColorStop(0, colours.alarm);
    gradient.addColorStop(at, colours.alarm);
    gradient.addColorStop(at, colours.curve);
    gradient.addColorStop(1, colours.curve);
    return gradient;
  }
  function boxes(u, list, paint) {
    const { left, width } = u.bbox;
    for (const [first, stop] of list) {
      const a = Math.max(u.valToPos(timeOf(first), "x", true), left);
      const b = Math.min(u.valToPos(endOf(stop), "x", true), left + width);
      /* A short alarm of a long video stays visible. */
      if (b >= left && a <= left + width) paint(a, Math.max(b - a, 2 * devicePixelRatio));
    }
  }
  function bands(u) {
    const { ctx, bbox: { left, top, width, height } } = u;
    const thick = 5 * devicePixelRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    boxes(u, alarms, (x, wide) => {
      ctx.fillStyle = colours["alarm-fill"];
      ctx.fillRect(x, top, wide, height);
      ctx.fillStyle = colours.alarm;
      ctx.fillRect(x, top, wide, thick);
    });
    boxes(u, data.labels || [], (x, wide) => {
      ctx.save();
      ctx.beginPath();
      ctx.rect(x, top, wide, height);
      ctx.clip();
      ctx.strokeStyle = colours["label-hatch"];
      ctx.lineWidth = 1.2 * devicePixelRatio;
      ctx.beginPath();
      const step = 8 * devicePixelRatio;
      for (let at = Math.floor((x - height) / step) * step; at < x + wide; at += step) {
        ctx.moveTo(at, top + height);
        ctx.lineTo(at + height, top);
      }
      ctx.stroke();
      ctx.fillStyle = colours.label;
      ctx.fillRect(x, top + height - thick, wide, thick);
      ctx.restore();
    });
    ctx.restore();
  }
  function dashes(u) {
    const y = Math.round(u.valToPos(threshold, "y", true));
    u.ctx.save();
    u.ctx.strokeStyle = colours.alarm;
    u.ctx.lineWidth = 1.5 * devicePixelRatio;
    u.ctx.setLineDash([7 * devicePixelRatio, 5 * devicePixelRatio]);
    u.ctx.beginPath();
    u.ctx.moveTo(u.bbox.left, y);
    u.ctx.lineTo(u.bbox.left + u.bbox.width, y);
    u.ctx.stroke();
    u.ctx.restore();
  }
  function draw() {
    if (plot) plot.destroy();
    readColours();
    const box = by("chart");
    const axis = { stroke: colours.muted, grid: { stroke: colours.grid, width: 1 }, ticks: { show: false } };
    const series = [{}, { stroke, width: 1.6, points: { show: false } }];
    const columns = [starts, high];
    if (curve.low) {
      series.push({ stroke, width: 1, points: { show: false } });
      columns.push(low);
    }
    plot = new uPlot({
      width: box.clientWidth,
      height: 250,
      scales: { x: { time: false, range: (u, a, b) => (a === null || a === b ? [0, data.end || 1] : [a, b]) }, y: { range } },
      axes: [
        { ...axis, space: 70, size: 30, incrs: STEPS, values: (u, splits, i, space, step) => splits.map((s) => clock(s, step < 0.1 ? 2 : step < 1 ? 1 : 0)) },
        { ...axis, size: 58, values: (u, splits) => splits.map((value) => String(Number(value.toPrecision(6)))) },
      ],
      legend: { show: false },
      cursor: { y: false, points: { size: 7 }, drag: { x: true, y: false } },
      bands: curve.low ? [{ series: [1, 2], fill: colours["label-fill"] }] : [],
      series,
      hooks: {
        drawClear: [bands],
        draw: [dashes],
        setCursor: [(u) => {
          const over = u.cursor.left >= 0 && !u.select.width;
          by("readout").textContent = said(over ? frameAt(u.posToVal(u.cursor.left, "x")) : now);
        }],
        setScale: [(u, key) => {
          if (key !== "x") return;
          by("whole").hidden = u.scales.x.min <= 1e-9 && u.scales.x.max >= data.end - 1e-9;
          place();
        }],
      },
    }, columns, box);
    line = made("div", undefined, "head-line");
    plot.over.append(line);
    plot.over.addEventListener("click", (event) => {
      const left = event.clientX - plot.over.getBoundingClientRect().left;
      go(frameAt(plot.posToVal(left, "x")));
    });
    plot.setScale("x", { min: 0, max: data.end || 1 });
    place();
  }
  by("whole").addEventListener("click", () => plot.setScale("x", { min: 0, max: data.end || 1 }));
  by("label-key").hidden = !(data.labels && data.labels.length);

  /* The threshold. */
  const [bottom, top] = range();
  const slider = by("slider");
  const number = by("number");
  Object.assign(slider, { min: bottom, max: top, step: "any" });
  number.step = "any";
  let asked = false;
  function choose(value, source) {
    threshold = value;
    if (source !== slider) slider.value = value;
    if (source !== number) number.value = short(value);
    slider.setAttribute("aria-valuetext", short(value));
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      alarms = alarmsAt(threshold);
      report();
      plot.redraw(true, true);
    });
  }
  slider.addEventListener("input", () => choose(Number(slider.value), slider));
  number.addEventListener("input", () => { if (Number.isFinite(number.valueAsNumber)) choose(number.valueAsNumber, number); });
  by("reset").addEventListener("click", () => choose(initial));

  /* Pictures. */
  for (const peak of data.peaks) {
    const item = made("li");
    const button = made("button");
    button.type = "button";
    const at = `${clock(timeOf(peak.frame))}`;
    if (peak.picture) {
      const stack = made("span", undefined, "stack");
      const image = made("img");
      image.src = peak.picture;
      image.alt = `Frame ${peak.frame} at ${at}, score ${short(peak.score)}`;
      stack.append(image);
      if (peak.heat) {
        const over = made("img", undefined, "over");
        over.src = peak.heat;
        over.alt = "";
        over.hidden = true;
        stack.append(over);
        by("heat-choice").hidden = false;
      }
      button.append(stack);
    }
    const text = made("span", undefined, peak.picture ? "line num" : "line num bare");
    text.append(made("span", at), made("span", short(peak.score), "high"));
    button.append(text, made("span", `frame ${peak.frame}`, "line num muted"));
    button.addEventListener("click", () => go(peak.frame));
    item.append(button);
    by("pictures").append(item);
    by("peaks").hidden = false;
  }
  by("heat").addEventListener("change", () => {
    for (const over of document.querySelectorAll("#pictures .over")) over.hidden = !by("heat").checked;
  });

  /* Buttons and keys. Keys of a field, a button or the film's own controls stay theirs. */
  by("before").addEventListener("click", () => go(now - 1));
  by("after").addEventListener("click", () => go(now + 1));
  by("previous").addEventListener("click", () => jump(-1));
  by("next").addEventListener("click", () => jump(1));
  document.addEventListener("keydown", (event) => {
    const at = event.target;
    if (event.ctrlKey || event.metaKey || event.altKey || at.matches("input, textarea, select")) return;
    const press = at.matches("button, a, video");
    const actions = {
      ArrowLeft: () => go(now - 1),
      ArrowRight: () => go(now + 1),
      n: () => jump(1),
      p: () => jump(-1),
    };
    if (data.film && !press) actions[" "] = () => (film.paused ? film.play() : film.pause());
    const action = actions[event.key];
    if (action) {
      event.preventDefault();
      action();
    }
  });

  draw();
  choose(initial);
  report();
  new ResizeObserver(() => {
    if (plot.width !== by("chart").clientWidth) plot.setSize({ width: by("chart").clientWidth, height: 250 });
    place();
  }).observe(by("chart"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  document.documentElement.dataset.ready = "yes";
})();
