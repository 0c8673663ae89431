"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const runs = data.runs;
const colours = ["#4477cc", "#e07b39", "#2a9d78", "#c0508a", "#8a6fd1", "#b8992b", "#3aa5c2", "#d1565a", "#7f8a3c", "#8c8c94"];
const dashes = ["solid", "dash", "dot"];
const colour = (group) => colours[group % colours.length];
const dash = (group) => dashes[Math.floor(group / colours.length) % dashes.length];

const $ = (selector, within = document) => within.querySelector(selector);
const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];
const on = (element, event, action) => element.addEventListener(event, action);

const create = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};

const number = (value) => (Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(4))));

// Plotly reads some HTML in its labels. The names of runs must not be read so.
const plain = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const broken = (text) => plain(text.length > 22 ? text.replaceAll(", ", ",\n") : text).replaceAll("\n", "<br>");

const touched = matchMedia("(pointer: coarse)").matches;

// "least_squares, seed 0 · FID 795"
const caption = (run) => {
  const headline = run.section === null ? null : data.sections[run.section].headline;
  return headline in run.metrics ? `${run.title} · ${data.metrics[headline].name}\u00a0${number(run.metrics[headline])}` : run.title;
};

const themed = (layout) => {
  const style = getComputedStyle(document.documentElement);
  const [ink, quiet, line] = ["--ink", "--quiet", "--line"].map((name) => style.getPropertyValue(name));
  const axis = { gridcolor: line, linecolor: line, zerolinecolor: line, tickcolor: line, automargin: true };
  return {
    paper_bgcolor: "transparent",
    plot_bgcolor: "transparent",
    font: { family: style.fontFamily, size: 12, color: quiet },
    hoverlabel: { bgcolor: style.getPropertyValue("--raised"), bordercolor: line, font: { color: ink }, namelength: -1 },
    margin: { l: 44, r: 12, t: 12, b: 40 },
    autosize: true,
    showlegend: false,
    hovermode: "closest",
    // A finger that scrolls the page must not zoom.
    dragmode: touched ? false : "zoom",
    modebar: { bgcolor: "transparent", color: quiet, activecolor: ink },
    ...layout,
    xaxis: { ...axis, ...layout.xaxis },
    yaxis: { ...axis, ...layout.yaxis },
  };
};
const config = {
  responsive: true,
  displayModeBar: touched ? false : "hover",
  displaylogo: false,
  modeBarButtons: [["toImage", "resetScale2d"]],
};
const drawings = [];
const draw = () => drawings.forEach((drawing) => drawing());

// Which runs are shown, and in which order

const MOST = 80; // Curves in a chart: more take seconds to draw, and nobody can read them.
const hidden = new Set(); // Numbers of runs.
let order = runs.map((_, i) => i);
const filter = $("#filter");
const texts = runs.map((run) => {
  const settings = data.columns.map((key) => `${key}=${run.settings[key] ?? data.common[key]}`);
  return [run.title, run.name, `seed=${run.seed}`, run.status, ...settings].join(" ").toLowerCase();
});
let words = [];
const matches = (i) => words.every((word) => texts[i].includes(word));
const shown = () => order.filter((i) => !hidden.has(i) && matches(i));
const members = (group) => order.filter((i) => runs[i].group === Number(group));

function update() {
  words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = order.filter(matches).length;
  $("#matches").textContent = [words.length ? `${found} of ${runs.length} runs` : "", hidden.size ? `${hidden.size} hidden` : ""].filter(Boolean).join(", ");
  $("#all").hidden = !hidden.size;
  for (const body of $$("tbody.group")) {
    const rows = $$("tr[data-run]", body);
    const unfold = $(".unfold", body);
    const fitting = rows.filter((row) => matches(Number(row.dataset.run)));
    const open = !unfold || unfold.getAttribute("aria-expanded") === "true";
    rows.forEach((row) => (row.hidden = !open || !fitting.includes(row)));
    body.hidden = !fitting.length;
  }
  for (const chip of $$(".chip")) {
    const of = "run" in chip.dataset ? [Number(chip.dataset.run)] : members(chip.dataset.group);
    chip.setAttribute("aria-pressed", String(!of.every((i) => hidden.has(i))));
  }
  for (const item of $$(".commands li")) item.hidden = !matches(Number(item.dataset.run));
  showGrids();
  runs.length > MOST ? later() : draw();
}

// Many curves take a second to draw, and a filter must not wait for them at every letter.
let waiting = null;
function later() {
  clearTimeout(waiting);
  waiting = setTimeout(draw, 200);
}

for (const chip of $$(".chip")) {
  chip.style.setProperty("--colour", colour(chip.dataset.group));
  on(chip, "click", () => toggle("run" in chip.dataset ? [Number(chip.dataset.run)] : members(chip.dataset.group)));
}
function toggle(some) {
  const hide = some.some((i) => !hidden.has(i));
  for (const i of some) hide ? hidden.add(i) : hidden.delete(i);
  update();
}
on(filter, "input", update);
on($("#all"), "click", () => {
  hidden.clear();
  update();
});

// The headline metric of each table

const wide = (values) => Math.max(...values) > 20 * Math.min(...values) && Math.min(...values) > 0;

function heatMap(element, chart) {
  const means = chart.means.flat().filter((value) => value !== null);
  const scaled = (value) => (value !== null && wide(means) ? Math.log10(value) : value);
  const trace = {
    type: "heatmap",
    x: chart.x.levels.map(plain),
    y: chart.y.levels.map(plain),
    z: chart.means.map((row) => row.map(scaled)),
    text: chart.texts,
    texttemplate: "%{text}",
    textfont: { size: innerWidth > 640 ? 13 : 10 },
    hovertemplate: `${plain(chart.x.name)}=%{x}, ${plain(chart.y.name)}=%{y}<br>${data.metrics[chart.metric].name} %{text}<extra></extra>`,
    hoverongaps: false,
    colorscale: "Viridis",
    reversescale: true,
    xgap: 2,
    ygap: 2,
    showscale: false,
  };
  element.style.maxWidth = `${160 + 150 * chart.x.levels.length}px`;
  const layout = themed({
    height: Math.max(220, 110 + 56 * chart.y.levels.length),
    margin: { l: 44, r: 12, t: 36, b: 40 },
    title: { text: `${data.metrics[chart.metric].name}, ${data.metrics[chart.metric].better} is better`, font: { size: 13 }, x: 0, xref: "paper" },
    xaxis: { type: "category", title: { text: plain(chart.x.name) }, showgrid: false },
    yaxis: { type: "category", title: { text: plain(chart.y.name) }, showgrid: false },
  });
  Plotly.react(element, [trace], layout, config);
}

function groupsSideBySide(element, chart) {
  // Values of one setting stand along the bottom. Longer labels need lines of their own.
  const upright = chart.setting !== null && innerWidth > 640;
  const placed = (places, values) => (upright ? { x: places, y: values } : { y: places, x: values });
  const labels = chart.labels.map(broken);
  const single = chart.seeds.flatMap((seeds, i) => seeds.map(([seed, value]) => ({ i, seed, value })));
  const quiet = getComputedStyle(document.documentElement).getPropertyValue("--quiet");
  const isWide = wide(chart.means);
  const { name } = data.metrics[chart.metric];
  const traces = [
    {
      ...placed(labels, chart.means),
      [upright ? "error_y" : "error_x"]: { array: chart.deviations, color: quiet, thickness: 1.25, width: 5 },
      mode: "markers",
      marker: { color: chart.groups.map(colour), size: 11 },
      text: chart.names.map((label, i) => `${plain(label)}<br>${name} ${chart.texts[i]}`),
      hovertemplate: "%{text}<extra></extra>",
    },
    {
      ...placed(single.map(({ i }) => labels[i]), single.map(({ value }) => value)),
      mode: "markers",
      marker: { color: single.map(({ i }) => colour(chart.groups[i])), size: 7, opacity: 0.4 },
      text: single.map(({ i, seed, value }) => `${plain(chart.names[i])}, seed ${plain(seed)}<br>${name} ${number(value)}`),
      hovertemplate: "%{text}<extra></extra>",
    },
  ];
  const category = { type: "category", showgrid: false, title: { text: upright ? plain(chart.setting) : "" } };
  const value = { type: isWide ? "log" : "linear", ...(isWide ? { dtick: 1 } : {}), rangemode: isWide ? "normal" : "tozero", title: { text: `${name}${isWide ? " (log scale)" : ""}` } };
  const line = { color: quiet, width: 1, dash: "dot" };
  const at = isWide ? Math.log10(chart.floor) : chart.floor; // On a log axis, annotations are placed by the exponent.
  const floor = upright
    ? {
        shape: { xref: "paper", x0: 0, x1: 1, y0: chart.floor, y1: chart.floor, line },
        annotation: { xref: "paper", x: 1, y: at, xanchor: "right", yanchor: "bottom" },
      }
    : {
        shape: { yref: "paper", y0: 0, y1: 1, x0: chart.floor, x1: chart.floor, line },
        annotation: { yref: "paper", y: 1, x: at, xanchor: "left", yanchor: "bottom" },
      };
  element.style.maxWidth = upright ? `${Math.max(400, 120 + 140 * labels.length)}px` : "";
  const known = chart.floor !== null && !(isWide && chart.floor <= 0);
  const layout = themed({
    height: upright ? 320 : 90 + 34 * labels.length,
    margin: { l: 56, r: 12, t: 24, b: 40 },
    shapes: known ? [floor.shape] : [],
    annotations: known ? [{ ...floor.annotation, text: "real pictures", showarrow: false, font: { size: 11 } }] : [],
    ...(upright ? { xaxis: category, yaxis: value } : { xaxis: value, yaxis: { ...category, autorange: "reversed" } }),
  });
  Plotly.react(element, traces, layout, config);
}

for (const element of $$("[data-chart]")) {
  const chart = data.charts[element.dataset.chart];
  if (chart) drawings.push(() => (chart.kind === "heat" ? heatMap : groupsSideBySide)(element, chart));
}

// Curves

const [seconds, log] = ["seconds", "log"].map((value) => $(`#curves [value=${value}]`));
const axis = () => (seconds.checked ? "seconds" : "steps");
const isLog = () => log.checked;

// An exponential moving average that is not drawn towards zero at its beginning, as in TensorBoard.
function smoothed(values, weight) {
  let sum = 0;
  let total = 0;
  return values.map((value) => {
    if (value === null) return null;
    sum = weight * sum + (1 - weight) * value;
    total = weight * total + (1 - weight);
    return sum / total;
  });
}

const quantile = (sorted, share) => sorted[Math.round(share * (sorted.length - 1))];

// The range that shows all runs but those that are more than 20 times as far out as the median run.
function robustRange(series) {
  const spans = series.map((values, i) => {
    const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
    const [low, high] = sorted.length < 20 ? [sorted[0], sorted.at(-1)] : [quantile(sorted, 0.02), quantile(sorted, 0.98)];
    return { i, low, high, middle: quantile(sorted, 0.5) };
  }).filter(({ low }) => low !== undefined);
  if (!spans.length) return null;
  const lowerMedian = (values) => values.sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)];
  const centre = lowerMedian(spans.map(({ middle }) => middle));
  const reach = ({ low, high }) => Math.max(Math.abs(low - centre), Math.abs(high - centre));
  const most = 20 * Math.max(lowerMedian(spans.map(reach)), Math.abs(centre));
  const kept = spans.filter((span) => reach(span) <= most);
  const [low, high] = [Math.min(...kept.map((span) => span.low)), Math.max(...kept.map((span) => span.high))];
  const room = 0.06 * (high - low || Math.abs(high) || 1);
  return { range: [low - room, high + room], outside: spans.filter((span) => reach(span) > most).map(({ i }) => i) };
}

function drawPanel(element, note, tag) {
  const some = shown().filter((i) => runs[i].curves[tag] && runs[i].axes[runs[i].curves[tag][0]][axis()]);
  const drawn = some.slice(0, MOST);
  const weight = Number($("#smoothing").value);
  const series = drawn.map((i) => (weight ? smoothed(runs[i].curves[tag][1], weight) : runs[i].curves[tag][1]));
  const where = axis() === "steps" ? "iteration %{x:,}" : "%{x:,.0f} s";
  const trace = (i, y, opacity, hover) => {
    const x = runs[i].axes[runs[i].curves[tag][0]][axis()];
    return {
      x,
      y,
      name: plain(runs[i].title),
      mode: x.length > 25 ? "lines" : "lines+markers",
      line: { color: colour(runs[i].group), width: 1.5, dash: dash(runs[i].group) },
      marker: { size: 5 },
      opacity,
      ...(hover ? { hovertemplate: `${plain(caption(runs[i]))}<br>%{y:.4g} at ${where}<extra></extra>` } : { hoverinfo: "skip" }),
    };
  };
  const faint = weight && drawn.length <= 20 ? drawn.map((i) => trace(i, runs[i].curves[tag][1], 0.2, false)) : [];
  const robust = $("#outliers").checked && !isLog() ? robustRange(series) : null;
  const notes = [];
  if (some.length > MOST) notes.push(`The first ${MOST} of ${some.length} runs; filter to see others.`);
  if (robust?.outside.length) {
    const names = robust.outside.map((i) => runs[drawn[i]].title);
    notes.push(`Out of view: ${names.slice(0, 3).join("; ")}${names.length > 3 ? ` and ${names.length - 3} more` : ""}.`);
  }
  if (isLog() && series.some((values) => values.some((value) => value !== null && value <= 0))) notes.push("A log scale cannot show values of 0 and below.");
  note.textContent = notes.join(" ");
  const none = { text: "no run has times for this curve", showarrow: false, xref: "paper", yref: "paper", x: 0.5, y: 0.5 };
  const layout = themed({
    xaxis: { rangemode: "tozero", title: { text: axis() === "steps" ? "iterations" : "seconds" } },
    yaxis: { type: isLog() ? "log" : "linear", ...(robust ? { range: robust.range } : { autorange: true }) },
    annotations: drawn.length || hidden.size || words.length ? [] : [none],
  });
  Plotly.react(element, [...faint, ...drawn.map((i, k) => trace(i, series[k], 0.85, true))], layout, config);
}

function drawLegend() {
  const drawn = new Set(order.filter((i) => matches(i) && Object.keys(runs[i].curves).length).map((i) => runs[i].group));
  $("#legend").replaceChildren(...[...drawn].map((group) => {
    const on_ = !members(group).every((i) => hidden.has(i));
    const button = create("button", { type: "button", "aria-pressed": String(on_) }, data.groups[group]);
    button.style.setProperty("--colour", colour(group));
    button.style.setProperty("--dash", { solid: "solid", dash: "dashed", dot: "dotted" }[dash(group)]);
    on(button, "click", () => toggle(members(group)));
    return button;
  }));
}

if (data.tags.length) {
  $("#curves").hidden = false;
  drawings.push(drawLegend);
  for (const first of data.shown.length ? data.shown : data.tags.slice(0, 1)) {
    const plot = create("div", { class: "plot" });
    const note = create("p", { class: "quiet" });
    const select = create("select", { "aria-label": "Curve" }, ...data.tags.map((tag) => create("option", {}, tag)));
    select.value = first;
    const drawing = () => drawPanel(plot, note, select.value);
    on(select, "change", drawing);
    drawings.push(drawing);
    $("#panels").append(create("figure", { class: "panel" }, select, plot, note));
  }
  for (const input of $$("#curves .controls input")) on(input, input.type === "range" ? "input" : "change", draw);
}

// Pictures

// A slider over `steps()`, a button that plays it, and the words beside it.
function player(controls, steps, show) {
  const [play, slider, output] = controls.children;
  let timer = null;
  const moved = () => {
    const step = steps()[slider.value];
    output.textContent = step === undefined ? "" : `iteration ${step.toLocaleString("en")}`;
    slider.setAttribute("aria-valuetext", output.textContent);
    show(Number(slider.value), step);
  };
  const stop = () => {
    clearInterval(timer);
    timer = null;
    play.textContent = "▶";
    play.ariaLabel = "Play";
  };
  const go = (by) => {
    slider.value = Number(slider.value) + by;
    moved();
  };
  const start = () => {
    if (Number(slider.value) === Number(slider.max)) slider.value = 0;
    moved();
    play.textContent = "⏸\ufe0e";
    play.ariaLabel = "Pause";
    timer = setInterval(() => (Number(slider.value) < Number(slider.max) ? go(1) : stop()), 350);
  };
  on(play, "click", () => (timer ? stop() : start()));
  on(slider, "input", () => {
    stop();
    moved();
  });
  return {
    stop,
    go,
    play: () => play.click(),
    reset: (at) => {
      stop();
      slider.max = Math.max(steps().length - 1, 0);
      slider.value = at ?? slider.max;
      controls.hidden = steps().length < 2;
      moved();
    },
  };
}

// The shares of the classes as small columns below a picture; a missing class is a gap with a red foot.
function columns({ classes, rare, group }) {
  const shares = Object.entries(classes);
  if (shares.length < 2 || shares.length > 20) return [];
  const element = create("div", { class: "columns", title: `Shares of the classes: ${shares.map(([name, share]) => `${name} ${percent(share)}`).join(", ")}` });
  element.style.setProperty("--colour", colour(group));
  for (const [name, share] of shares) {
    const column = create("i", rare.includes(name) ? { class: "rare" } : {});
    column.style.height = `${Math.min(40 * share * shares.length, 100)}%`; // An even share is 40 % high.
    element.append(column);
  }
  return [element];
}
const percent = (share) => `${share < 0.01 ? Number((100 * share).toPrecision(1)) : (100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;

const figures = new Map();
runs.forEach((run, i) => {
  if (!run.frames.length) return;
  const image = create("img", { alt: `Samples of ${run.title}` });
  const button = create("button", { type: "button", title: "Enlarge" }, image);
  on(button, "click", () => openRun(i));
  const mark = create("span", { class: "dot" });
  mark.style.setProperty("--colour", colour(run.group));
  const step = create("span", { class: "quiet" });
  const figure = create("figure", {}, button, create("figcaption", {}, create("span", {}, mark, caption(run)), step), ...columns(run));
  figures.set(i, { figure, image, step, frames: run.frames });
});
const steps = [...new Set([...figures.values()].flatMap(({ frames }) => frames.map((frame) => frame.step)))].sort((a, b) => a - b);
const real = runs.find((run) => run.others["real pictures"]);
const realFigure = real && create("figure", { class: "real" }, create("img", { alt: "Real pictures", src: real.others["real pictures"] }), create("figcaption", {}, "real pictures"));
const slide = figures.size && player($("#time"), () => steps, (_, now) => {
  for (const { frames, image, step } of figures.values()) {
    const frame = frames.findLast((candidate) => candidate.step <= now) ?? frames[0];
    if (image.src !== frame.uri) image.src = frame.uri;
    step.textContent = frame.step === now ? "" : `at ${frame.step.toLocaleString("en")}`;
  }
});
function showGrids() {
  if (!figures.size) return;
  const visible = shown().filter((i) => figures.has(i)).map((i) => figures.get(i).figure);
  $("#grids").replaceChildren(...(realFigure ? [realFigure] : []), ...visible);
}
if (figures.size) {
  $("#samples").hidden = false;
  slide.reset();
}

// One run: its pictures, metrics, classes, warnings and configuration

const dialog = $("#run");
const setting = (run, key) => (key in run.settings ? run.settings[key] : data.common[key]) ?? null;
let current = null;
let view = "samples";

const large = player($("#large .controls"), () => (view === "samples" && current !== null ? runs[current].frames.map((frame) => frame.step) : []), (at) => {
  if (current === null) return;
  const run = runs[current];
  const [image, words_] = [$("#large img"), $("#large p")];
  const uri = view === "samples" ? run.frames[at]?.uri : run.others[view];
  image.hidden = !uri;
  if (uri) image.src = uri;
  image.alt = `${view} of ${run.title}`;
  words_.textContent = { neighbours: "Samples, and below each row the real training pictures that are nearest to them.", "real pictures": "Pictures of the training data." }[view] ?? "";
});

function bars({ classes, rare }) {
  const largest = Math.max(...Object.values(classes));
  return create("div", { class: "bars" }, ...Object.entries(classes).map(([name, share]) => {
    const bar = create("i", rare.includes(name) ? { class: "rare" } : {});
    bar.style.width = `${(100 * share) / largest}%`;
    return create("div", {}, create("span", {}, name), create("span", {}, bar), create("span", {}, percent(share)));
  }));
}

function table(head, rows) {
  const row = (cells, tag) => create("tr", {}, ...cells.map((cell, i) => create(i ? tag : "th", {}, ...[cell].flat())));
  return create("table", {}, create("thead", {}, row(head, "th")), create("tbody", {}, ...rows.map((cells) => row(cells, "td"))));
}

function settingsOf(run) {
  const box = create("div");
  const select = create("select", {}, create("option", { value: "" }, "the most frequent settings"));
  order.filter((i) => runs[i] !== run).forEach((i) => select.append(create("option", { value: i }, runs[i].title)));
  const show = () => {
    const other = select.value === "" ? null : runs[select.value];
    const keys = [...new Set([...Object.keys(data.common), ...Object.keys(run.settings), ...Object.keys(other?.settings ?? {})])];
    const value = (key) => (other ? setting(other, key) : data.common[key] ?? null);
    const differ = keys.filter((key) => setting(run, key) !== value(key));
    box.replaceChildren(differ.length
      ? table(["key", "this run", other ? "the other" : "most runs"], differ.map((key) => [key, setting(run, key) ?? "–", value(key) ?? "–"]))
      : create("p", { class: "quiet" }, "There is no difference."));
  };
  on(select, "change", show);
  show();
  const all = [...new Set([...Object.keys(data.common), ...Object.keys(run.settings)])].filter((key) => setting(run, key) !== null);
  return [
    create("h3", {}, "Settings"),
    create("p", {}, create("label", {}, "Differences from ", select)),
    box,
    create("details", {}, create("summary", {}, "Full configuration"), table(["key", "value"], all.map((key) => [key, setting(run, key)]))),
  ];
}

function openRun(i) {
  current = i;
  const run = runs[i];
  $("#run-title").textContent = caption(run);
  dialog.style.setProperty("--colour", colour(run.group));
  const views = [...(run.frames.length ? ["samples"] : []), ...Object.keys(run.others)];
  if (!views.includes(view)) view = views[0] ?? "samples";
  $("#large").hidden = !views.length;
  $("#large .toggle").replaceChildren(...(views.length > 1 ? views : []).map((name) => {
    const input = create("input", { type: "radio", name: "view", value: name, ...(name === view ? { checked: "" } : {}) });
    on(input, "change", () => {
      view = name;
      large.reset();
    });
    return create("label", {}, input, create("span", {}, name));
  }));
  large.reset();
  const floors = run.section === null ? {} : data.sections[run.section].floors;
  const measured = Object.keys(data.metrics).filter((name) => name in run.metrics).map((name) => {
    const { name: short, arrow, meaning, better } = data.metrics[name];
    return [create("span", { title: `${name}: ${meaning} Better: ${better}.` }, `${short}\u00a0${arrow.replace(" ", "\u00a0")}`), number(run.metrics[name]), name in floors ? number(floors[name]) : ""];
  });
  const copy = create("button", { type: "button", class: "copy" }, "Copy");
  on(copy, "click", copied);
  $("#about").replaceChildren(
    create("p", { class: "quiet" }, `${run.status}${run.seed === "" ? "" : ` · seed ${run.seed}`}`, ...Object.entries(run.facts).map(([name, value]) => ` · ${number(value)} ${name}`)),
    ...(run.notes.length ? [create("ul", { class: "notes" }, ...run.notes.map((note) => create("li", {}, note)))] : []),
    ...(measured.length ? [create("h3", {}, "Metrics"), table(["", "this run", "real pictures"], measured)] : []),
    ...(Object.keys(run.classes).length ? [create("h3", {}, "Shares of the classes"), bars(run)] : []),
    ...settingsOf(run),
    create("h3", {}, "Folder and command"),
    create("p", {}, create("code", {}, run.path)),
    ...(run.command ? [create("p", { class: "line" }, create("code", {}, run.command), copy)] : []),
  );
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
}

function nextRun(by) {
  const some = shown().includes(current) ? shown() : order;
  openRun(some[(some.indexOf(current) + by + some.length) % some.length]);
}

$$(".open").forEach((button) => on(button, "click", () => openRun(Number(button.dataset.run))));
on($("#close"), "click", () => dialog.close());
on($("#before"), "click", () => nextRun(-1));
on($("#after"), "click", () => nextRun(1));
on(dialog, "close", () => large.stop());
on(dialog, "click", (event) => event.target === dialog && dialog.close());
on(dialog, "keydown", (event) => {
  if (["SELECT", "INPUT"].includes(event.target.tagName) || event.altKey || event.ctrlKey || event.metaKey) return;
  const action = { ArrowLeft: () => large.go(-1), ArrowRight: () => large.go(1), ArrowUp: () => nextRun(-1), ArrowDown: () => nextRun(1) }[event.key];
  if (!action) return;
  event.preventDefault();
  large.stop();
  action();
});

// Tables

function compare(a, b) {
  if (a === "" || b === "") return (a === "") - (b === "");
  const difference = Number(a) - Number(b);
  return Number.isNaN(difference) ? a.localeCompare(b, "en", { numeric: true }) : difference;
}

const commands = new Map($$(".commands li").map((item) => [Number(item.dataset.run), item]));
for (const header of $$("section thead th")) {
  on($("button", header), "click", () => {
    const sorted = header.closest("table");
    const descending = header.ariaSort === "ascending";
    $$("th", header.parentElement).forEach((other) => (other.ariaSort = "none"));
    header.ariaSort = descending ? "descending" : "ascending";
    const value = (row) => row.cells[header.cellIndex].dataset.value;
    const inOrder = (rows, of) => rows.sort((a, b) => {
      const [x, y] = [of(a), of(b)];
      return x === "" || y === "" || !descending ? compare(x, y) : compare(y, x);
    });
    sorted.append(...inOrder($$("tbody.group", sorted), (group) => value(group.rows[0])));
    for (const group of $$("tbody.group", sorted)) group.append(...inOrder($$(".one", group), value));
    // The legend, the pictures and the commands follow the tables.
    order = $$("tr[data-run]").map((row) => Number(row.dataset.run));
    $(".commands").append(...order.map((i) => commands.get(i)).filter(Boolean));
    update();
  });
}

for (const button of $$(".unfold")) {
  on(button, "click", () => {
    const open = button.getAttribute("aria-expanded") === "false";
    button.setAttribute("aria-expanded", String(open));
    $$(".one", button.closest("tbody")).forEach((row) => (row.hidden = !open || !matches(Number(row.dataset.run))));
  });
}

// A shadow on the right says that a table goes on there.
const scrolled = (box) => box.parentElement.classList.toggle("goes-on", box.scrollWidth - box.clientWidth - box.scrollLeft > 4);
for (const box of $$(".box")) {
  on(box, "scroll", () => scrolled(box));
  new ResizeObserver(() => scrolled(box)).observe(box);
}

for (const button of $$(".more")) {
  on(button, "click", () => {
    const section = button.closest("section");
    button.setAttribute("aria-pressed", String(section.classList.toggle("every")));
    scrolled($(".box", section));
  });
}

const quoted = (value) => (/[",\n\r]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : String(value));
for (const button of $$(".csv")) {
  on(button, "click", () => {
    const section = Number(button.closest("section").dataset.section);
    const some = order.filter((i) => runs[i].section === section && matches(i)).map((i) => runs[i]);
    const keys = (part) => [...new Set(some.flatMap((run) => Object.keys(run[part])))];
    const [metrics, facts] = [keys("metrics"), keys("facts")];
    const rows = some.map((run) => [
      run.name, data.groups[run.group], run.seed, run.status,
      ...data.columns.map((key) => setting(run, key) ?? ""),
      ...metrics.map((name) => run.metrics[name] ?? ""),
      ...facts.map((name) => run.facts[name] ?? ""),
    ]);
    const lines = [["run", "group", "seed", "status", ...data.columns, ...metrics, ...facts], ...rows].map((row) => row.map(quoted).join(","));
    const url = URL.createObjectURL(new Blob([lines.join("\r\n") + "\r\n"], { type: "text/csv" }));
    create("a", { href: url, download: `${document.title.split(":")[0]}.csv` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  });
}

// Commands

async function copied({ currentTarget: button }) {
  const code = button.previousElementSibling;
  try {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  } catch {
    getSelection().selectAllChildren(code); // The browser does not allow it; the keyboard can copy what is selected.
  }
}
$$(".copy").forEach((button) => on(button, "click", copied));

// Age and renewal

function showAge() {
  const minutes = Math.floor((Date.now() / 1000 - data.written) / 60);
  const [amount, unit] = minutes < 60 ? [minutes, "minute"] : minutes < 2880 ? [Math.floor(minutes / 60), "hour"] : [Math.floor(minutes / 1440), "day"];
  $("#age").textContent = minutes < 1 ? "" : `, ${amount} ${unit}${amount === 1 ? "" : "s"} ago`;
}
showAge();
setInterval(showAge, 20000);

// A page that reloads itself keeps its filter, its controls and its hidden runs.
const kept = () => $$("#curves .controls input");
const place = `ganexp ${location.pathname}`;
if (data.renewed) {
  setInterval(() => !dialog.open && document.activeElement !== filter && location.reload(), 1000 * data.renewed);
  on(window, "pagehide", () => {
    const controls = kept().map((input) => [input.value, input.checked]);
    try {
      sessionStorage.setItem(place, JSON.stringify({ filter: filter.value, controls, hidden: [...hidden].map((i) => runs[i].name) }));
    } catch {} // A browser may forbid it.
  });
}
try {
  const before = JSON.parse(sessionStorage.getItem(place) ?? "null");
  if (before) {
    filter.value = before.filter;
    kept().forEach((input, k) => {
      if (input.type === "range") [input.value] = before.controls[k];
      else [, input.checked] = before.controls[k];
    });
    runs.forEach((run, i) => before.hidden.includes(run.name) && hidden.add(i));
  }
} catch {}

update();
for (const query of ["(prefers-color-scheme: dark)", "print", "(max-width: 640px)"]) on(matchMedia(query), "change", draw);
