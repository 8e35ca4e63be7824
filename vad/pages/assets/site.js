"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const by = (id) => document.getElementById(id);
  const names = Object.keys(data.datasets);
  const count = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;
  const three = (value) => value.toFixed(3);
  const signed = (value) => `${value < 0 ? "\u2212" : "+"}${Math.abs(value).toFixed(3)}`;
  const short = (value) => String(Number(value.toPrecision(4)));
  function big(value) {
    for (const [unit, word] of [[1e12, " T"], [1e9, " G"], [1e6, " M"], [1e3, " k"]]) {
      if (Math.abs(value) >= unit) return `${Number((value / unit).toPrecision(3))}${word}`;
    }
    return String(Number(value.toPrecision(3)));
  }

  /* Elements are made with text only: no name or note is ever read as HTML. */
  function made(tag, text, className) {
    const element = document.createElement(tag);
    if (text !== undefined && text !== null) element.textContent = text;
    if (className) element.className = className;
    return element;
  }
  function link(text, href) {
    const element = made("a", text);
    element.href = href;
    return element;
  }
  function options(select, values, chosen) {
    select.replaceChildren(...values.map(([value, text]) => {
      const one = made("option", text);
      one.value = value;
      return one;
    }));
    if (values.some(([value]) => value === chosen)) select.value = chosen;
  }
  const path = (file) => `../${file.split("/").map(encodeURIComponent).join("/")}`;

  /* What is chosen. */
  const state = { dataset: names[0], metric: null, variant: null, drawn: new Set(), verdicts: new Set() };
  const set = () => data.datasets[state.dataset];
  const ranked = (dataset, metric) => data.datasets[dataset].rows
    .filter((row) => ["variant", "plain baseline"].includes(row.kind) && !row.random && row.m[metric])
    .sort((a, b) => b.m[metric][0] - a.m[metric][0]);
  const measures = (dataset) => data.choices.filter((metric) => ranked(dataset, metric).length);
  /* The metric of the page, or the first one that a data set has. */
  const metricOf = (dataset) => (measures(dataset).includes(state.metric) ? state.metric : measures(dataset)[0]);

  /* A table: `columns` are {key, text, number, about, cell(row, td), value(row)}; a header sorts. */
  function table(element, columns, rows, { sort = null, classes = () => "" } = {}) {
    let order = sort || element.order || null;
    if (order && !columns.some((one) => one.key === order.key)) order = null;
    element.order = order;
    const body = made("tbody");
    const head = made("tr");
    function fill() {
      const sorted = [...rows];
      const column = order && columns.find((one) => one.key === order.key);
      if (column) {
        sorted.sort((a, b) => {
          const [one, two] = [column.value(a), column.value(b)];
          if (one === null || two === null) return (one === null) - (two === null);
          const way = typeof one === "string" || typeof two === "string"
            ? String(one).localeCompare(String(two), "en", { numeric: true }) : one - two;
          return order.down ? -way : way;
        });
      }
      body.replaceChildren(...sorted.map((row) => {
        const line = made("tr", undefined, classes(row));
        columns.forEach((column_, i) => {
          const cell = made(i ? "td" : "th", undefined, column_.number ? "num" : column_.long ? "long" : "");
          if (!i) cell.scope = "row";
          column_.cell(row, cell);
          line.append(cell);
        });
        return line;
      }));
      for (const one of head.children) one.removeAttribute("aria-sort");
      if (column) head.children[columns.indexOf(column)].setAttribute("aria-sort", order.down ? "descending" : "ascending");
    }
    for (const column of columns) {
      const cell = made("th", undefined, column.number ? "num" : "");
      cell.scope = "col";
      const button = made("button", column.text);
      button.type = "button";
      if (column.about) button.title = column.about;
      button.addEventListener("click", () => {
        const again = order && order.key === column.key;
        order = { key: column.key, down: again ? !order.down : Boolean(column.number && !column.lower) };
        element.order = order;
        fill();
      });
      cell.append(button);
      head.append(cell);
    }
    const top = made("thead");
    top.append(head);
    element.replaceChildren(top, body);
    fill();
  }
  /* Mean, spread and interval of a metric. */
  function measured(cell, value) {
    if (!Array.isArray(value)) {
      cell.textContent = value === null || value === undefined ? "-" : value;
      return;
    }
    const [mean, spread, low, high] = value;
    const text = (one) => (Math.abs(one) >= 100 ? one.toFixed(1) : three(one));
    cell.append(made("span", text(mean)));
    if (spread !== null) cell.append(made("span", ` \u00b1 ${text(spread)}`, "pm"));
    if (low !== null) cell.append(made("span", `[${text(low)}, ${text(high)}]`, "range"));
  }
  /* A table as a CSV file has it. */
  function plainTable(element, { columns, rows }, { long = [], named = () => {} } = {}) {
    table(element, columns.map(([name, kind], i) => ({
      key: name,
      text: name,
      number: kind !== "text",
      long: long.includes(name),
      value: (row) => (Array.isArray(row[i]) ? row[i][0] : row[i]),
      cell: (row, cell) => {
        if (kind === "metric") measured(cell, row[i]);
        else if (kind === "number") cell.textContent = row[i] === null ? "-" : short(row[i]);
        else cell.textContent = row[i] === null ? "" : row[i];
        named(name, row[i], cell);
      },
    })), rows);
  }

  /* Differences between two rows, first minus second; null where they were not compared. */
  function pairOf(dataset, metric, first, second) {
    const { names: all, metrics, reasons } = data.datasets[dataset].significance;
    const [a, b] = [all.indexOf(first), all.indexOf(second)];
    for (const [i, j, from, ...rest] of metrics[metric] || []) {
      const way = i === a && j === b ? 1 : i === b && j === a ? -1 : 0;
      if (!way) continue;
      if (rest.length === 1) return { reason: reasons[rest[0]] };
      const [difference, low, high, p, mark] = rest;
      const bounds = way > 0 ? [low, high] : [-high, -low];
      return { difference: way * difference, low: bounds[0], high: bounds[1], from, p, mark, better: way * difference > 0 };
    }
    return null;
  }
  const between = (pair) => `${signed(pair.difference)} [${signed(pair.low)}, ${signed(pair.high)}]`;

  /* At a glance. */
  function answer(question, text, className, ...lines) {
    const box = made("div");
    box.append(made("p", question, "question"), made("p", text, `answer ${className || ""}`));
    for (const line of lines.filter(Boolean)) box.append(made("p", line, "small"));
    return box;
  }
  function glance(dataset) {
    const { rows, costs, synthetic, counts } = data.datasets[dataset];
    const metric = metricOf(dataset);
    const card = made("div", undefined, "card glance");
    const top = made("p", undefined, "top");
    top.append(made("strong", dataset));
    if (synthetic) top.append(made("span", "synthetic", "badge synthetic"));
    top.append(made("span", `${counts.n_train} train videos, ${counts.n_test} test videos`, "muted small"));
    card.append(top);
    const order = metric ? ranked(dataset, metric) : [];
    if (!order.length) {
      card.append(answer("What is best?", "nothing is ranked", "", "No row has one of the metrics by which this page ranks."));
      return card;
    }
    const [best, next] = order;
    const [mean, spread, low, high] = best.m[metric];
    card.append(answer(
      "What is best?", best.name, "",
      best.kind === "plain baseline" ? "a plain baseline: no other row is higher" : "",
      `${metric} ${three(mean)}${spread === null ? "" : ` \u00b1 ${three(spread)}`}${low === null ? "" : ` [${three(low)}, ${three(high)}]`}`,
      `highest of ${count(order.length, "row")} on the test list, which flatters it a little`,
    ));
    const lead = next && pairOf(dataset, metric, best.name, next.name);
    const same = lead && lead.difference !== undefined;
    const unseen = rows.filter((row) => row.kind === "no pixel" && row.m[metric]).sort((a, b) => b.m[metric][0] - a.m[metric][0])[0];
    card.append(next ? answer(
      "By how much?", signed(same ? lead.difference : mean - next.m[metric][0]), "",
      `over the next row, ${next.name}${same ? `: ${between(lead)}${lead.from ? `, over the frames that both score (from frame ${lead.from})` : ""}` : ""}`,
      unseen && `${signed(mean - unseen.m[metric][0])} over the best row without a pixel, ${unseen.name}`,
    ) : answer("By how much?", "-", "", "there is no other row"));
    const pairs = order.slice(1).map((row) => pairOf(dataset, metric, best.name, row.name)).filter((pair) => pair && pair.mark !== undefined);
    const wins = pairs.filter((pair) => pair.mark && pair.better).length;
    const firm = pairs.filter((pair) => pair.mark === 2 && pair.better).length;
    const plain = rows.filter((row) => row.kind === "plain baseline" && row.name !== best.name).map((row) => [row.name, pairOf(dataset, metric, best.name, row.name)])
      .filter(([, pair]) => pair && pair.mark !== undefined);
    const beaten = plain.filter(([, pair]) => pair.mark && pair.better).map(([name]) => name);
    const held = plain.filter(([, pair]) => !(pair.mark && pair.better)).map(([name]) => name);
    const clear = lead && lead.mark !== undefined ? lead.mark && lead.better : null;
    card.append(answer(
      "Is it significant?", clear === null ? "not compared" : clear ? "yes, over the next row" : "no: the next row may be as good",
      clear ? "yes" : clear === null ? "" : "no",
      pairs.length ? `better than ${wins} of ${count(pairs.length, "other row")}, ${firm} of them after Holm\u2019s correction` : "",
      held.length ? `not shown to beat the plain baseline${held.length > 1 ? "s" : ""} ${held.join(", ")}` : "",
      beaten.length ? `beats the plain baseline${beaten.length > 1 ? "s" : ""} ${beaten.join(", ")}` : "",
    ));
    const cost = costs.find((row) => row.name === best.name);
    const rate = cost && cost.end_to_end_fps && cost.fps ? cost.end_to_end_fps / cost.fps : null;
    card.append(cost ? answer(
      "What does it cost?", rate ? `${short(Number(rate.toPrecision(2)))} \u00d7 real time` : cost.end_to_end_fps ? `${cost.end_to_end_fps.toFixed(0)} frames/s` : cost.params !== null ? `${big(cost.params)} parameters` : "-", "",
      [cost.params !== null && `${big(cost.params)} parameters`, cost.extractor_params && `extractor ${big(cost.extractor_params)}`].filter(Boolean).join(", "),
      cost.macs_per_second !== null && `${big(cost.macs_per_second)}MAC for a second of video`,
      cost.measured_on && `on ${cost.measured_on}`,
    ) : answer("What does it cost?", "-", "", "not measured"));
    return card;
  }
  function showGlance() {
    by("cards").replaceChildren(...[state.dataset, ...names.filter((name) => name !== state.dataset)].map(glance));
    const about = data.metrics[state.metric];
    by("meaning").textContent = about ? `${state.metric}: ${about.about}.` : "";
  }

  /* Results, baselines and oracles. */
  const KINDS = ["variant", "plain baseline", "no pixel", "oracle"];
  options(by("kind"), [["", "all rows"], ...KINDS.map((kind) => [kind, `${kind}s`.replace("pixels", "pixel")])]);
  by("every").hidden = names.length < 2;
  function showResults() {
    const every = by("all-sets").checked;
    const rows = (every ? names : [state.dataset]).flatMap((name) => data.datasets[name].rows.map((row) => ({ ...row, dataset: name })));
    const [word, level, kind, metric] = [by("find").value.trim().toLowerCase(), by("level").value, by("kind").value, metricOf(state.dataset)];
    const metrics = Object.keys(data.metrics).filter((name) => (!level || data.metrics[name].level === level) && rows.some((row) => row.m[name]));
    const kept = rows.filter((row) => (!kind || row.kind === kind) && `${row.name} ${row.kind} ${row.model || ""} ${row.features || ""} ${row.dataset}`.toLowerCase().includes(word)
      && (level !== "frame" || row.level === "frame") && metrics.some((name) => row.m[name]));
    by("shown").textContent = `${kept.length} of ${count(rows.length, "row")}`;
    const values = kept.map((row) => row.m[metric]).filter(Boolean);
    const bottom = Math.min(...values.map(([mean, , low]) => low ?? mean));
    const top = Math.max(...values.map(([mean, , , high]) => high ?? mean));
    const first = metrics.includes(metric) ? [metric, ...metrics.filter((name) => name !== metric)] : metrics;
    const best = Object.fromEntries(first.map((name) => {
      const found = kept.filter((row) => KINDS.indexOf(row.kind) < 2 && !row.random && row.m[name]).map((row) => row.m[name][0]);
      return [name, data.metrics[name].lower ? Math.min(...found) : Math.max(...found)];
    }));
    const columns = [{
      key: "name",
      text: "Row",
      value: (row) => row.name,
      cell: (row, cell) => {
        const box = made("span", undefined, "name");
        const variant = KINDS.indexOf(row.kind) < 2;
        const name = made(variant ? "button" : "span", row.name + (row.random ? " \u2020" : ""));
        if (variant) {
          name.type = "button";
          name.addEventListener("click", () => pick(row.name, row.dataset, true));
        }
        box.append(name);
        if (row.kind !== "variant") box.append(made("span", row.kind, "badge"));
        if (row.level === "video") box.append(made("span", "whole videos", "badge"));
        if (every) box.append(made("span", row.dataset, "badge"));
        cell.append(box);
      },
    }];
    if (metrics.includes(metric)) {
      columns.push({
        key: "interval",
        text: values.length ? `${metric}, ${three(bottom)} to ${three(top)}` : metric,
        number: true,
        value: (row) => row.m[metric]?.[0] ?? null,
        cell: (row, cell) => {
          cell.className = "bars";
          if (row.m[metric]) Plots.interval(cell, row.m[metric], bottom, top, KINDS.indexOf(row.kind) > 1, `${metric} ${three(row.m[metric][0])}`);
        },
      });
    }
    for (const name of first) {
      columns.push({
        key: name,
        text: name,
        number: true,
        lower: data.metrics[name].lower,
        about: data.metrics[name].about + (data.metrics[name].lower ? "; lower is better" : ""),
        value: (row) => row.m[name]?.[0] ?? null,
        cell: (row, cell) => {
          measured(cell, row.m[name] || null);
          if (row.m[name] && KINDS.indexOf(row.kind) < 2 && row.m[name][0] === best[name]) cell.classList.add("best");
        },
      });
    }
    columns.push(...["model", "features", "supervision"].map((key) => ({
      key, text: key, value: (row) => row[key] || null, cell: (row, cell) => { cell.textContent = row[key] || ""; },
    })));
    const sort = by("result-rows").order || { key: columns[1].key, down: true };
    table(by("result-rows"), columns, kept, { sort: columns.some((one) => one.key === sort.key) ? sort : { key: columns[1].key, down: true }, classes: (row) => (KINDS.indexOf(row.kind) > 1 ? "reference" : "") });
    by("random").hidden = !kept.some((row) => row.random);
  }
  for (const id of ["find", "level", "kind", "all-sets"]) by(id).addEventListener("input", showResults);

  /* Which rows differ. */
  function showMatrix() {
    const metric = metricOf(state.dataset);
    const { names: all, metrics } = set().significance;
    const used = new Set((metrics[metric] || []).flatMap(([i, j]) => [i, j]));
    const mean = (name) => set().rows.find((row) => row.name === name)?.m[metric]?.[0] ?? -1;
    const shown = [...used].map((i) => all[i]).sort((a, b) => mean(b) - mean(a));
    const element = by("matrix");
    by("pair").textContent = shown.length ? `${metric}: rows from the highest to the lowest. Point at a cell.` : "Nothing is compared.";
    if (!shown.length) return element.replaceChildren();
    const head = made("tr");
    head.append(made("th", metric));
    shown.forEach((name, i) => { const cell = made("th", i + 1); cell.scope = "col"; cell.title = name; head.append(cell); });
    const cells = [];
    const body = made("tbody");
    shown.forEach((first, i) => {
      const line = made("tr");
      const name = made("th");
      name.scope = "row";
      name.append(made("span", i + 1, "muted"), ` ${first}`);
      line.append(name);
      cells.push(shown.map((second, j) => {
        const pair = i === j ? null : pairOf(state.dataset, metric, first, second);
        const cell = made("td");
        let text = `${first} is compared with ${second}: nothing can be said${pair && pair.reason ? `, ${pair.reason}` : ""}`;
        if (i === j) {
          cell.className = "self";
          text = first;
        } else if (!pair || pair.mark === undefined) cell.textContent = "?";
        else {
          const sign = pair.better ? "+" : "\u2212";
          cell.textContent = pair.mark ? sign.repeat(pair.mark) : "\u00b7";
          if (pair.mark) cell.className = `${pair.better ? "better" : "worse"}${pair.mark > 1 ? " twice" : ""}`;
          text = `${first} minus ${second}: ${between(pair)}, p ${pair.p < 0.001 ? "< 0.001" : pair.p.toFixed(3)}, `
            + ["not shown to differ", "differs", "differs, also after Holm\u2019s correction"][pair.mark];
        }
        cell.tabIndex = i || j !== 1 ? -1 : 0;
        cell.setAttribute("aria-label", text);
        for (const kind of ["mouseenter", "focus"]) cell.addEventListener(kind, () => { by("pair").textContent = text; });
        cell.addEventListener("keydown", (event) => {
          const [down, right] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key] || [0, 0];
          const next = cells[i + down]?.[j + right];
          if ((down || right) && next) {
            event.preventDefault();
            cell.tabIndex = -1;
            next.tabIndex = 0;
            next.focus();
          }
        });
        line.append(cell);
        return cell;
      }));
      body.append(line);
    });
    const top = made("thead");
    top.append(head);
    element.replaceChildren(top, body);
  }

  /* Curves. */
  const GRID = Array.from({ length: 101 }, (_, i) => i / 100);
  function showCurves() {
    const frames = set().rows.filter((row) => set().curves[row.name]);
    const metric = metricOf(state.dataset);
    const order = [...frames].sort((a, b) => (b.m[metric]?.[0] ?? -1) - (a.m[metric]?.[0] ?? -1));
    by("curves").hidden = !order.length;
    if (!order.length) return;
    if (![...state.drawn].some((name) => set().curves[name])) {
      const plain = order.filter((row) => row.kind === "plain baseline").slice(0, 1);
      state.drawn = new Set([...order.slice(0, 3), ...plain].map((row) => row.name));
    }
    const places = new Map([...state.drawn].filter((name) => set().curves[name]).map((name, i) => [name, i]));
    for (const [kind, xLabel, yLabel, words] of [["roc", "false positive rate", "true positive rate", "ROC"], ["pr", "recall", "precision", "Precision-recall"]]) {
      const box = by(kind);
      const series = order.map((row) => ({ name: row.name, values: set().curves[row.name][kind], place: places.get(row.name) ?? null }));
      Plots.lines(box, {
        label: `${words} curves of ${count(order.length, "variant")}, in colour ${[...places.keys()].join(", ")}. Their areas stand in the table of results.`,
        x: GRID, series, xLabel, yLabel, yRange: [0, 1.02], diagonal: kind === "roc",
        readout: (x, values) => {
          by("curve-readout").textContent = x === null ? " " : `${xLabel} ${x.toFixed(2)}, ${yLabel}: ${values.map(([name, value]) => `${name} ${value.toFixed(2)}`).join(", ")}`;
        },
      });
    }
    by("lines").replaceChildren(...order.map((row, i) => {
      const button = made("button");
      const on = places.has(row.name);
      const dot = made("span", undefined, "dot");
      button.type = "button";
      button.setAttribute("aria-pressed", on);
      if (on) button.style.setProperty("--own", `var(--${Plots.own(places.get(row.name))})`);
      button.append(dot, row.name);
      if (row.m[metric]) button.append(made("span", ` ${three(row.m[metric][0])}`, "num"));
      button.title = metric || "";
      button.addEventListener("click", () => {
        if (on) state.drawn.delete(row.name); else state.drawn.add(row.name);
        showCurves();
        by("lines").children[i].focus();
      });
      return button;
    }));
    pictures(by("video-curves"), by("video-curves").querySelector(".pictures"), [
      [`${state.dataset}/figures/roc_video.png`, `ROC curves over videos on ${state.dataset}`],
      [`${state.dataset}/figures/pr_video.png`, `Precision-recall curves over videos on ${state.dataset}`],
    ]);
  }
  /* Pictures that a report has; loaded when they come into view. */
  function pictures(holder, box, wanted) {
    const there = wanted.filter(([file]) => data.files.includes(file));
    holder.hidden = !there.length;
    box.replaceChildren(...there.map(([file, text]) => {
      const image = made("img");
      image.loading = "lazy";
      image.alt = text;
      image.src = path(file);
      return image;
    }));
  }

  /* Accuracy against cost. */
  const COSTS = [
    ["params_whole", "parameters, head and extractor", (row) => (row.extractor_params === null ? null : row.params + row.extractor_params)],
    ["macs_per_second", "multiply-adds for a second of video, head and extractor", (row) => row.macs_per_second],
    ["ms_per_second", "milliseconds for a second of video, decoding included", (row) => row.ms_per_second],
    ["params", "parameters of the head", (row) => row.params],
    ["head_latency_ms", "milliseconds for one call of the head", (row) => row.head_latency_ms],
    ["peak_memory_mb", "memory at the peak, MB", (row) => row.peak_memory_mb],
  ];
  options(by("cost-by"), COSTS.map(([key, text]) => [key, text]));
  function showCost() {
    const metric = metricOf(state.dataset);
    const costs = set().costs.filter((row) => row.kind === "variant");
    by("cost").hidden = !set().costs.length;
    const [, words, value] = COSTS.find(([key]) => key === by("cost-by").value);
    const points = costs.flatMap((cost) => {
      const row = set().rows.find((one) => one.name === cost.name);
      const x = value(cost);
      if (!row || !row.m[metric] || x === null) return [];
      const [y, , low, high] = row.m[metric];
      return [{ name: row.name, x, y, low, high, plain: row.kind !== "variant", text: `${row.name}: ${metric} ${three(y)}${low === null ? "" : ` [${three(low)}, ${three(high)}]`}, ${big(x)} ${words}` }];
    });
    by("cost-readout").textContent = "Named: rows that no cheaper one exceeds. Point at a row to read it.";
    Plots.scatter(by("scatter"), points, {
      xLabel: words, yLabel: metric || "", format: big, chosen: state.variant,
      say: (text) => { by("cost-readout").textContent = text; },
      pick: (name) => pick(name, state.dataset, true),
    });
    const where = [...new Set(costs.map((row) => row.measured_on).filter(Boolean))];
    const shares = costs.filter((row) => row.cpu_share !== null);
    const slow = shares.filter((row) => row.cpu_share < 0.95).map((row) => row.name);
    by("cost-note").textContent = `Whiskers: 95 % intervals. Grey: plain baselines. Times measured on ${where.join(" / ") || "no machine"}. `
      + (slow.length ? `Speeds are too low for ${slow.length === shares.length ? "all rows" : slow.join(", ")}: other programs used the machine.`
        : shares.length ? "No other program slowed the measurement." : "");
    const keys = [["params", "parameters", big], ["extractor_params", "of the extractor", big], ["macs_per_second", "MAC per s of video", big], ["ms_per_second", "ms per s of video", short], ["end_to_end_fps", "frames/s", short], ["peak_memory_mb", "peak MB", short], ["head_latency_ms", "ms of the head", short], ["cpu_share", "CPU share", short]];
    table(by("cost-rows"), [
      { key: "name", text: "Row", value: (row) => row.name, cell: (row, cell) => { cell.textContent = row.name; } },
      { key: "kind", text: "Kind", value: (row) => row.kind, cell: (row, cell) => { cell.textContent = row.kind; } },
      ...keys.map(([key, text, format]) => ({ key, text, number: true, lower: !["end_to_end_fps", "cpu_share"].includes(key), value: (row) => row[key], cell: (row, cell) => { cell.textContent = row[key] === null ? "-" : format(row[key]); } })),
    ], set().costs);
  }
  by("cost-by").addEventListener("change", showCost);
  let narrow = null;
  new ResizeObserver(() => {
    const now = by("scatter").clientWidth < Plots.NARROW;
    if (narrow !== null && now !== narrow) showCost();
    narrow = now;
  }).observe(by("scatter"));

  /* Alarms and localisation. */
  function ofDataset(found) {
    const at = found.columns.findIndex(([name]) => name === "dataset");
    const keep = (list) => list.filter((_, i) => i !== at);
    return { columns: keep(found.columns), rows: found.rows.filter((row) => at < 0 || row[at] === state.dataset).map(keep) };
  }
  function showAlarms() {
    const found = ofDataset(data.alarms);
    by("alarms").hidden = !found.rows.length;
    plainTable(by("alarm-rows"), found);
    pictures(by("alarm-picture").parentElement, by("alarm-picture"), [[`tables/alarms_${state.dataset}.png`, `Events found against false alarms per hour on ${state.dataset}`]]);
    const places = ofDataset(data.localisation);
    by("localisation").hidden = !places.rows.length;
    plainTable(by("localisation-rows"), places);
  }

  /* One variant. */
  const UNITS = { step: "its embeddings of time steps", window: "its embeddings of windows", video: "its embeddings of whole videos", row: "the features that it reads" };
  function pick(name, dataset, jump) {
    if (dataset !== state.dataset) {
      state.dataset = dataset;
      by("dataset").value = dataset;
      showDataset();
    }
    state.variant = name;
    by("variant").value = name;
    showVariant();
    if (jump) {
      by("one").scrollIntoView();
      by("variant").focus({ preventScroll: true });
    }
  }
  function showVariant() {
    const name = state.variant;
    const training = set().training[name];
    by("training").hidden = !training;
    if (training) {
      const series = training.lines.map(({ seed, loss, values }) => ({ name: `${loss}, seed ${seed}`, values, place: loss === "train" ? 0 : 1, dash: DASHES[training.lines.filter((one) => one.loss === loss).findIndex((one) => one.seed === seed) % 3] }));
      Plots.lines(by("training"), {
        label: `Training of ${name} over ${count(training.epochs.length, "epoch")}`,
        x: training.epochs, series, xLabel: "epoch", yLabel: "loss", integers: true,
        readout: (x, values) => { by("training-readout").textContent = x === null ? " " : `epoch ${x}: ${values.filter(([, value]) => value !== null).map(([line, value]) => `${line} ${short(value)}`).join(", ")}`; },
      });
      const epochs = Object.entries(training.chosen).map(([seed, epoch]) => `${epoch} (seed ${seed})`).join(", ");
      by("training-note").textContent = `Loss on the training part (blue) and, where it was measured, on the validation part (orange); each seed has a line of its own kind. Weights of epoch ${epochs}.`;
    } else {
      Plots.clear(by("training"));
      by("training-note").textContent = "No losses were written: it is not trained by epochs.";
    }
    const map = set().tsne[name];
    by("tsne").parentElement.hidden = !map;
    if (map) {
      const idle = "Point at a mark, or use the arrow keys: it names the video. Click or Enter opens its page.";
      by("point").textContent = idle;
      Plots.embedding(by("tsne"), map, {
        label: `t-SNE of ${name}: ${map.v.length} points. Arrow keys go from point to point, Enter opens the page of the video.`,
        say: (i) => {
          if (i < 0) return void (by("point").textContent = idle);
          const [video, kind] = set().videos[map.v[i]];
          by("point").textContent = `${video} (${kind}), ${map.f[i] < 0 ? "whole video" : `frame ${map.f[i]}`}, ${map.l[i] ? "anomalous" : "normal"}, score ${short(map.s[i])}`;
        },
        open: (i) => { location.href = pageOf(set().videos[map.v[i]][0], name); },
      });
      by("tsne-note").replaceChildren(made("span", undefined, "key"), "normal", made("span", undefined, "key a"), "anomalous frame. ",
        `${map.v.length} of ${map.of} vectors: ${UNITS[map.unit] || map.unit}; first seed, perplexity ${map.perplexity}. Distances between groups mean nothing.`);
    }
    const found = set().provenance[name];
    const facts = [];
    const put = (word, text) => facts.push(made("dt", word), made("dd", text));
    const said = (values) => Object.entries(values).map(([word, text]) => `${word} ${text}`).join("  \u00b7  ");
    if (found) {
      put("Protocol", said(found.protocol).replaceAll("_", " "));
      put("Data", said(found.data));
      put("Code", said(found.code));
      put("Machine", said(found.machine));
      const cost = set().costs.find((row) => row.name === name);
      if (cost && cost.measured_on) put("Times measured on", cost.measured_on);
      for (const run of found.seeds) put(`Seed ${run.seed}`, `epoch ${run.epoch}  \u00b7  record ${run.key}, ${run.record}`);
      by("params").textContent = JSON.stringify(found.params, null, 1).replace(/^[{}]\n?|"/gm, "").replace(/,$/gm, "");
    }
    by("provenance").replaceChildren(...facts);
    const card = `${state.dataset}/cards/${name}.md`;
    by("card").hidden = !data.files.includes(card);
    by("card").href = path(card);
  }
  const DASHES = [[], [7, 4], [2, 3]];
  by("variant").addEventListener("change", () => pick(by("variant").value, state.dataset));
  const pageOf = (video, variant) => `${encodeURIComponent(state.dataset)}/${encodeURIComponent(set().pages[video])}${set().linked.includes(variant) ? `#${variant}` : ""}`;

  /* Test videos. */
  function showVideos() {
    by("video-list").href = set().list.split("/").map(encodeURIComponent).join("/");
    by("video-links").replaceChildren(...set().videos.map(([video, kind, label]) => {
      const item = made("li");
      item.append(link(video, pageOf(video)));
      if (label) item.append(" ", made("span", kind && !video.startsWith(kind) ? kind : "anomalous", "a"));
      return item;
    }));
  }

  /* Published tables. */
  const telling = data.published.findIndex((one) => one.columns.some(([, kind]) => kind === "metric"));
  options(by("published-choice"), data.published.map((one, i) => [String(i), one.title.replace(/\. Data:.*/, "")]), String(telling));
  function showPublished() {
    const found = data.published[Number(by("published-choice").value)];
    by("published").hidden = !found;
    if (!found) return;
    by("published-page").href = found.page;
    plainTable(by("published-rows"), found, { long: ["note"] });
  }
  by("published-choice").addEventListener("change", () => { by("published-rows").order = null; showPublished(); });

  /* Claims. */
  const VERDICT = data.claims.columns.indexOf("verdict");
  const verdicts = [...new Set(data.claims.rows.map((row) => row[VERDICT]))];
  function showClaims() {
    const word = by("find-claim").value.trim().toLowerCase();
    const kept = data.claims.rows.filter((row) => (!state.verdicts.size || state.verdicts.has(row[VERDICT])) && row.join(" ").toLowerCase().includes(word));
    by("claims-shown").textContent = `${kept.length} of ${count(data.claims.rows.length, "claim")}`;
    by("claims").hidden = !data.claims.rows.length;
    plainTable(by("claim-rows"), { columns: data.claims.columns.map((name) => [name, "text"]), rows: kept }, {
      long: ["claim", "reason", "ours"],
      named: (name, value, cell) => {
        if (name === "verdict") cell.replaceChildren(made("span", value.replaceAll("_", " "), `badge verdict ${value === "verified" ? "good" : ["leakage", "unsupported", "check_failed"].includes(value) ? "bad" : ""}`));
      },
    });
  }
  by("verdicts").append(...verdicts.map((verdict) => {
    const button = made("button", `${verdict.replaceAll("_", " ")} ${data.claims.rows.filter((row) => row[VERDICT] === verdict).length}`);
    button.type = "button";
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => {
      const on = state.verdicts.has(verdict);
      if (on) state.verdicts.delete(verdict); else state.verdicts.add(verdict);
      button.setAttribute("aria-pressed", String(!on));
      showClaims();
    });
    return button;
  }));
  by("find-claim").addEventListener("input", showClaims);

  /* Files. */
  function showFiles() {
    const groups = new Map();
    for (const file of data.files) {
      const folder = file.split("/").slice(0, -1).join("/") || "reports";
      if (!folder.startsWith("site")) groups.set(folder, [...(groups.get(folder) || []), file]);
    }
    by("file-links").replaceChildren(...[...groups].sort().map(([folder, files]) => {
      const box = made("details");
      const list = made("ul", undefined, "columns");
      list.append(...files.map((file) => { const item = made("li"); item.append(link(file.split("/").pop(), path(file))); return item; }));
      box.append(made("summary", `${folder} (${files.length})`), list);
      return box;
    }));
    const skipped = Object.entries(data.skipped);
    if (skipped.length) {
      const box = made("details");
      const list = made("ul", undefined, "small");
      list.append(...skipped.map(([name, why]) => made("li", `${name}: ${why}`)));
      box.append(made("summary", `Not shown: ${count(skipped.length, "variant")} that cannot run here`), list);
      by("skipped").append(box);
    }
  }

  /* Links to the sections that the data set has. */
  const SECTIONS = { results: "Results", significance: "Significance", curves: "Curves", cost: "Cost", alarms: "Alarms", localisation: "Localisation", one: "One variant", videos: "Videos", published: "Published", claims: "Claims", files: "Files" };
  function showSections() {
    by("sections").replaceChildren(...Object.entries(SECTIONS).filter(([id]) => !by(id).hidden).map(([id, text]) => { const item = made("li"); item.append(link(text, `#${id}`)); return item; }));
  }

  /* All together. */
  function showMetric() {
    showGlance();
    by("result-rows").order = null;
    showResults();
    showMatrix();
    showCurves();
    showCost();
  }
  function showDataset() {
    const known = measures(state.dataset);
    state.metric = known.includes(state.metric) ? state.metric : known[0] || null;
    options(by("metric"), known.map((name) => [name, name]), state.metric);
    const variants = set().rows.filter((row) => KINDS.indexOf(row.kind) < 2).map((row) => row.name);
    if (!variants.includes(state.variant)) state.variant = (state.metric && ranked(state.dataset, state.metric)[0]?.name) || variants[0];
    options(by("variant"), variants.map((name) => [name, name]), state.variant);
    showMetric();
    showAlarms();
    by("one").hidden = !variants.length;
    if (variants.length) showVariant();
    showVideos();
    showSections();
  }
  options(by("dataset"), names.map((name) => [name, name]));
  by("dataset").addEventListener("change", () => { state.dataset = by("dataset").value; showDataset(); });
  by("metric").addEventListener("change", () => { state.metric = by("metric").value; showMetric(); });
  by("facts").textContent = [
    count(names.length, "data set"),
    count(names.reduce((sum, name) => sum + data.datasets[name].rows.filter((row) => KINDS.indexOf(row.kind) < 2).length, 0), "variant"),
    data.claims.rows.length ? `${count(data.claims.rows.length, "claim")} of others, each with a verdict` : "",
  ].filter(Boolean).join("  \u00b7  ") + (names.length && names.every((name) => data.datasets[name].synthetic)
    ? ". All data are synthetic: the numbers show how the pipeline works, not how well a model detects real crime." : ".");
  if (names.length) showDataset();
  else for (const id of ["bar", "glance", "results", "significance", "curves", "cost", "alarms", "one", "videos"]) by(id).hidden = true;
  showPublished();
  showClaims();
  showFiles();
  showSections();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (names.length) { showCurves(); showVariant(); } });
  document.documentElement.dataset.ready = "yes";
})();
