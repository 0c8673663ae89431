"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const colours = ["#4477cc", "#e07b39", "#2a9d78", "#c0508a", "#8a6fd1", "#b8992b", "#3aa5c2", "#d1565a", "#7f8a3c", "#8c8c94"];
const dashes = ["solid", "dash", "dot"];
const colour = (group) => colours[group % colours.length];
const dash = (group) => dashes[Math.floor(group / colours.length) % dashes.length];

const create = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};

// Plotly reads some HTML in its labels; names of runs are not to be read so.
const plain = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

const touched = matchMedia("(pointer: coarse)").matches;

const themed = (layout) => {
  const style = getComputedStyle(document.documentElement);
  const [ink, quiet, line] = ["--ink", "--quiet", "--line"].map((name) => style.getPropertyValue(name));
  const axis = { gridcolor: line, linecolor: line, zerolinecolor: line, tickcolor: line, automargin: true };
  return {
    paper_bgcolor: "transparent",
    plot_bgcolor: "transparent",
    font: { family: style.fontFamily, size: 12, color: quiet },
    hoverlabel: { bgcolor: style.getPropertyValue("--raised"), bordercolor: line, font: { color: ink } },
    margin: { l: 44, r: 12, t: 12, b: 40 },
    autosize: true,
    showlegend: false,
    hovermode: "closest",
    // Else a finger that scrolls the page would zoom.
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

// The headline figure of each table

function heatMap(element, chart) {
  const trace = {
    type: "heatmap",
    x: chart.x.levels.map(plain),
    y: chart.y.levels.map(plain),
    z: chart.means,
    text: chart.texts,
    texttemplate: "%{text}",
    textfont: { size: 13 },
    hovertemplate: "%{text}<extra></extra>",
    colorscale: "Viridis",
    reversescale: true,
    xgap: 2,
    ygap: 2,
    colorbar: { title: { text: plain(chart.figure), side: "right" }, thickness: 12, outlinewidth: 0 },
  };
  element.style.maxWidth = `${200 + 180 * chart.x.levels.length}px`;
  const layout = themed({
    height: Math.max(220, 90 + 56 * chart.y.levels.length),
    xaxis: { type: "category", title: { text: plain(chart.x.name) }, showgrid: false },
    yaxis: { type: "category", title: { text: plain(chart.y.name) }, showgrid: false },
  });
  Plotly.react(element, [trace], layout, config);
}

function groupsSideBySide(element, chart) {
  // Values of one setting stand along the bottom; whole descriptions need lines of their own.
  const upright = chart.setting !== null;
  const placed = (places, values) => (upright ? { x: places, y: values } : { y: places, x: values });
  const labels = chart.labels.map(plain);
  const single = chart.seeds.flatMap((values, i) => values.map((value) => [i, value]));
  const quiet = getComputedStyle(document.documentElement).getPropertyValue("--quiet");
  const traces = [
    {
      ...placed(single.map(([i]) => labels[i]), single.map(([, value]) => value)),
      mode: "markers",
      marker: { color: single.map(([i]) => colour(chart.groups[i])), size: 7, opacity: 0.4 },
      hoverinfo: "skip",
    },
    {
      ...placed(labels, chart.means),
      [upright ? "error_y" : "error_x"]: { array: chart.deviations, color: quiet, thickness: 1.25, width: 5 },
      mode: "markers",
      marker: { color: chart.groups.map(colour), size: 10 },
      hovertemplate: upright ? "%{y:.4g}<extra>%{x}</extra>" : "%{x:.4g}<extra>%{y}</extra>",
    },
  ];
  const category = { type: "category", showgrid: false, title: { text: upright ? plain(chart.setting) : "" } };
  const value = { rangemode: "tozero", title: { text: plain(chart.figure) } };
  const line = { color: quiet, width: 1, dash: "dot" };
  const floor = upright
    ? {
        shape: { xref: "paper", x0: 0, x1: 1, y0: chart.floor, y1: chart.floor, line },
        annotation: { xref: "paper", x: 1, y: chart.floor, xanchor: "right", yanchor: "bottom" },
      }
    : {
        shape: { yref: "paper", y0: 0, y1: 1, x0: chart.floor, x1: chart.floor, line },
        annotation: { yref: "paper", y: 1, x: chart.floor, xanchor: "left", yanchor: "bottom" },
      };
  const layout = themed({
    height: upright ? 320 : 90 + 30 * labels.length,
    margin: { l: 56, r: 12, t: 24, b: 40 },
    shapes: chart.floor === null ? [] : [floor.shape],
    annotations: chart.floor === null ? [] : [{ ...floor.annotation, text: "real pictures", showarrow: false, font: { size: 11 } }],
    ...(upright ? { xaxis: category, yaxis: value } : { xaxis: value, yaxis: { ...category, autorange: "reversed" } }),
  });
  Plotly.react(element, traces, layout, config);
}

for (const element of document.querySelectorAll("[data-chart]")) {
  const chart = data.charts[element.dataset.chart];
  if (chart) drawings.push(() => (chart.kind === "heat" ? heatMap : groupsSideBySide)(element, chart));
}

// Curves

const hiddenGroups = new Set();
const axis = () => document.querySelector("[name=axis]:checked").value;

function drawPanel(element, tag) {
  const traces = data.runs.filter((run) => run.curves[tag] && !hiddenGroups.has(run.group)).flatMap((run) => {
    const [number, values] = run.curves[tag];
    const x = run.axes[number][axis()];
    if (!x) return [];
    return [{
      x,
      y: values,
      name: plain(run.name),
      mode: x.length > 25 ? "lines" : "lines+markers",
      line: { color: colour(run.group), width: 1.5, dash: dash(run.group) },
      marker: { size: 5 },
      opacity: 0.85,
      hovertemplate: "%{y:.4g} at %{x}<extra>%{fullData.name}</extra>",
    }];
  });
  const none = { text: "no run has a clock for this", showarrow: false, xref: "paper", yref: "paper", x: 0.5, y: 0.5 };
  const layout = themed({
    xaxis: { rangemode: "tozero", title: { text: axis() === "steps" ? "iterations" : "seconds" } },
    annotations: traces.length || hiddenGroups.size ? [] : [none],
  });
  Plotly.react(element, traces, layout, config);
}

if (data.tags.length) {
  document.getElementById("curves").hidden = false;
  for (const shown of data.shown.length ? data.shown : data.tags.slice(0, 1)) {
    const plot = create("div", { class: "plot" });
    const select = create("select", { "aria-label": "Curve" }, ...data.tags.map((tag) => create("option", {}, tag)));
    select.value = shown;
    const drawing = () => drawPanel(plot, select.value);
    select.addEventListener("change", drawing);
    drawings.push(drawing);
    document.getElementById("panels").append(create("figure", { class: "panel" }, select, plot));
  }
  document.querySelectorAll("[name=axis]").forEach((input) => input.addEventListener("change", draw));
  const drawn = new Set(data.runs.filter((run) => Object.keys(run.curves).length).map((run) => run.group));
  for (const group of drawn) {
    const button = create("button", { type: "button", "aria-pressed": "true" }, data.groups[group]);
    button.style.setProperty("--colour", colour(group));
    button.style.setProperty("--dash", { solid: "solid", dash: "dashed", dot: "dotted" }[dash(group)]);
    button.addEventListener("click", () => {
      hiddenGroups.has(group) ? hiddenGroups.delete(group) : hiddenGroups.add(group);
      button.setAttribute("aria-pressed", String(!hiddenGroups.has(group)));
      draw();
    });
    document.getElementById("legend").append(button);
  }
}

// Samples

const shown = data.runs.filter((run) => run.frames.length).map((run) => {
  const image = create("img", { alt: `Samples of ${run.name}` });
  const step = create("span", { class: "quiet" });
  document.getElementById("grids").append(create("figure", {}, image, create("figcaption", {}, create("span", {}, run.name), step)));
  return { frames: run.frames, image, step };
});
if (shown.length) {
  document.getElementById("samples").hidden = false;
  const steps = [...new Set(shown.flatMap(({ frames }) => frames.map((frame) => frame.step)))].sort((a, b) => a - b);
  const [slider, output] = document.getElementById("time").children;
  const show = () => {
    const now = steps[slider.value];
    output.textContent = `iteration ${now.toLocaleString("en")}`;
    slider.setAttribute("aria-valuetext", output.textContent);
    for (const { frames, image, step } of shown) {
      const frame = frames.findLast((candidate) => candidate.step <= now) ?? frames[0];
      if (image.src !== frame.uri) image.src = frame.uri;
      step.textContent = frame.step === now ? "" : `at ${frame.step.toLocaleString("en")}`;
    }
  };
  slider.max = steps.length - 1;
  slider.value = slider.max;
  document.getElementById("time").hidden = shown.every(({ frames }) => frames.length === 1);
  slider.addEventListener("input", show);
  show();
}

// Tables

function compare(a, b) {
  if (a === "" || b === "") return (a === "") - (b === "");
  const difference = Number(a) - Number(b);
  return Number.isNaN(difference) ? a.localeCompare(b, "en", { numeric: true }) : difference;
}

for (const header of document.querySelectorAll("thead th")) {
  header.querySelector("button").addEventListener("click", () => {
    const table = header.closest("table");
    const descending = header.ariaSort === "ascending";
    header.parentElement.querySelectorAll("th").forEach((other) => (other.ariaSort = "none"));
    header.ariaSort = descending ? "descending" : "ascending";
    const value = (row) => row.cells[header.cellIndex].dataset.value;
    const inOrder = (rows, of) => rows.sort((a, b) => {
      const [x, y] = [of(a), of(b)];
      return x === "" || y === "" || !descending ? compare(x, y) : compare(y, x);
    });
    table.append(...inOrder([...table.querySelectorAll("tbody.group")], (group) => value(group.rows[0])));
    for (const group of table.querySelectorAll("tbody.group")) {
      group.append(...inOrder([...group.querySelectorAll(".one")], value));
    }
  });
}

for (const button of document.querySelectorAll(".unfold")) {
  button.addEventListener("click", () => {
    const open = button.getAttribute("aria-expanded") === "false";
    button.setAttribute("aria-expanded", String(open));
    button.closest("tbody").querySelectorAll(".one").forEach((row) => (row.hidden = !open));
  });
}

// Commands

for (const button of document.querySelectorAll(".copy")) {
  button.addEventListener("click", async () => {
    const code = button.previousElementSibling;
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 1500);
    } catch {
      getSelection().selectAllChildren(code); // Not allowed to: the keyboard will.
    }
  });
}

draw();
for (const query of ["(prefers-color-scheme: dark)", "print"]) matchMedia(query).addEventListener("change", draw);
