// The page: which picture it shows, and which of its canvases must be drawn again.
// A point is {latent, shares}. `shares` holds the share of each class, and is empty if the generator has no classes.
"use strict";

const byId = (id) => document.getElementById(id);
const all = (selector) => [...document.querySelectorAll(selector)];

const model = JSON.parse(byId("model").textContent);
const [channels, height, width] = model.shape;
const directions = model.directions.map((direction) => Float32Array.from(direction));

// Pictures of points

const code = new Blob([byId("interpreter").textContent], { type: "text/javascript" });
const worker = new Worker(URL.createObjectURL(code));
const waiting = [];
worker.onmessage = ({ data }) => waiting.shift()(data);
worker.onerror = ({ message }) => (byId("status").textContent = `The generator cannot run in this browser: ${message}`);
worker.postMessage(model.graph);

const pack = (rows) => {
  const data = new Float32Array(rows.length * rows[0].length);
  rows.forEach((row, i) => data.set(row, i * row.length));
  return { shape: [rows.length, rows[0].length], data };
};

// The worker answers in the order of the questions, with {pixels of all points, milliseconds}.
const ask = (points) =>
  new Promise((resolve) => {
    waiting.push(resolve);
    const latents = pack(points.map(({ latent }) => latent));
    const shares = model.classes.length ? pack(points.map(({ shares }) => shares)) : undefined;
    worker.postMessage({ latents, shares });
  });

const only = (label) => Float32Array.from(model.classes, (_, i) => (i === label ? 1 : 0));

// The uint8 pixels [channels, height, width] of one latent and, if the generator has classes, one label.
async function generate(latent, label = 0) {
  return (await ask([{ latent: Float32Array.from(latent), shares: only(label) }])).pixels;
}

function paint(canvas, pixels) {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d"), image = context.createImageData(width, height), area = width * height;
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = pixels[channels === 3 ? c * area + i : i];
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

// Latents

const SHEET = 24; // Pictures of a seed that the page shows.

const ofSeed = { seed: undefined, latents: [] };
function fromSeed(seed, number) {
  if (ofSeed.seed !== seed) Object.assign(ofSeed, { seed, latents: latentsOf(seed, SHEET, model.latentSize) });
  return ofSeed.latents[number];
}

const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);

// The latent moved along a direction to the position `to`.
function moved(latent, direction, to) {
  const step = to - dot(latent, direction);
  return latent.map((value, i) => value + step * direction[i]);
}

// The point at the share t of the way from a to b on a sphere (Shoemake 1985). The page mixes classes by their shares.
function between(a, b, t) {
  const cosine = dot(a.latent, b.latent) / Math.sqrt(dot(a.latent, a.latent) * dot(b.latent, b.latent));
  const angle = Math.acos(Math.min(Math.max(cosine, -1), 1));
  const sine = Math.sin(angle); // Nearly 0 for equal or opposite latents. A straight line serves these.
  const [left, right] = sine < 1e-3 ? [1 - t, t] : [Math.sin((1 - t) * angle) / sine, Math.sin(t * angle) / sine];
  return {
    latent: a.latent.map((value, i) => left * value + right * b.latent[i]),
    shares: a.shares.map((value, i) => (1 - t) * value + t * b.shares[i]),
  };
}

// What is shown

// A picture is known by its seed, its number in the sheet, its class, and the positions of the sliders that were moved.
let shown = { seed: 0, number: 0, label: 0, positions: {} };
const latentOf = ({ seed, number, positions }) =>
  Object.entries(positions).reduce((latent, [i, to]) => moved(latent, directions[i], to), fromSeed(seed, number));

let here = { latent: fromSeed(0, 0), shares: only(0) };
let a = here;
let b = { latent: fromSeed(0, 1), shares: only(Math.min(1, model.classes.length - 1)) };

const cells = all("#map button");
const sheetCells = all("#sheet button");
const canvasIn = (element) => element.querySelector("canvas");
const inMap = ({ dataset }) => moved(moved(here.latent, directions[0], +dataset.across), directions[1], +dataset.down);

// Each view is a list of [canvas, its point], drawn from `next` on. The most urgent view comes first.
const view = (...pictures) => ({ pictures, next: 0 });
const picture = view([byId("picture"), () => here]);
const middle = view([byId("middle"), () => between(a, b, +byId("morph").value)]);
const ends = view([canvasIn(byId("keep-a")), () => a], [canvasIn(byId("keep-b")), () => b]);
const inSheet = (number) => ({ ...here, latent: fromSeed(shown.seed, number) });
const sheet = view(...sheetCells.map((cell, i) => [canvasIn(cell), () => inSheet(i)]));
const map = view(...cells.map((cell) => [canvasIn(cell), () => ({ ...here, latent: inMap(cell) })]));
const classes = view(...all("#classes canvas").map((canvas, i) => [canvas, () => ({ ...here, shares: only(i) })]));
const views = [picture, middle, ends, sheet, map, classes];

let pace = 1000; // Milliseconds that a picture takes.
let drawing = false;

// Draws a few pictures at a time, so that an urgent one waits no longer than a frame.
async function redraw(...stale) {
  for (const one of stale) one.next = 0;
  if (drawing) return;
  drawing = true;
  for (let one; (one = views.find(({ next, pictures }) => next < pictures.length)); ) {
    const some = one.pictures.slice(one.next, one.next + Math.min(Math.max(Math.floor(16 / pace), 1), 8));
    one.next += some.length;
    const { pixels, milliseconds } = await ask(some.map(([, point]) => point()));
    pace = milliseconds / some.length;
    some.forEach(([canvas], i) => paint(canvas, pixels.subarray((i * pixels.length) / some.length)));
  }
  drawing = false;
  byId("status").textContent = `A picture takes ${pace < 10 ? pace.toFixed(1) : Math.round(pace)} ms here.`;
}

const sliders = all(".slider input");

function tell() {
  const positions = directions.map((direction) => dot(here.latent, direction));
  sliders.forEach((slider, i) => {
    if (slider !== document.activeElement || Math.abs(slider.value - positions[i]) > 0.05) slider.value = positions[i];
    slider.previousElementSibling.textContent = positions[i].toFixed(1).replace("-", "−");
  });
  if (cells.length) {
    const [across, down] = positions.map((position) => Math.min(Math.max(position, -3), 3));
    byId("here").style.setProperty("--across", across);
    byId("here").style.setProperty("--down", down);
  }
  const { seed, number, label } = shown;
  sheetCells.forEach((cell, i) => cell.setAttribute("aria-current", i === number));
  byId("seed").value = seed;
  for (const element of all(".seed")) element.textContent = seed;
  for (const element of all(".class")) element.textContent = label;
  all("#classes input").forEach((input, i) => (input.checked = i === label));
  const name = model.classes.length ? `, class ${model.classes[label]}` : "";
  byId("picture").setAttribute("aria-label", `Picture ${number} of seed ${seed}${name}`);
  byId("told").textContent = "";
  byId("text").hidden = true;
}

// Shows another picture. `stale` are the other views that change with it.
function go(change, ...stale) {
  shown = { ...shown, ...change };
  here = { latent: latentOf(shown), shares: only(shown.label) };
  tell();
  redraw(picture, ...stale);
}

// What can be chosen

const whole = (value, most) => Math.min(Math.max(Math.floor(value) || 0, 0), most);
const start = (seed) => go({ seed: whole(seed, 2 ** 32 - 1), number: 0, positions: {} }, sheet, map, classes);

byId("seed").onchange = ({ target }) => start(+target.value);
byId("another").onclick = () => start((shown.seed + 1) % 2 ** 32);
byId("random").onclick = () => start(Math.random() * 10000);
byId("reset").onclick = () => go({ positions: {} }, map, classes);
sliders.forEach((slider, i) => {
  // The map stays as it is while the picture moves along the map's own two directions.
  const stale = i < 2 ? [classes] : [map, classes];
  slider.oninput = () => go({ positions: { ...shown.positions, [i]: +slider.value } }, ...stale);
});
all("#classes input").forEach((input, i) => (input.onchange = () => go({ label: i }, sheet, map)));

// Arrow keys move among the cells of a map or a sheet, however many of them stand in a row.
function choosable(cells, choose) {
  const across = () => cells.filter(({ offsetTop }) => offsetTop === cells[0].offsetTop).length;
  cells.forEach((cell, i) => {
    cell.onclick = () => choose(cell, i);
    cell.onfocus = () => cells.forEach((other) => (other.tabIndex = other === cell ? 0 : -1));
    cell.onkeydown = (event) => {
      const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
      if (!(event.key in arrows)) return;
      event.preventDefault();
      const columns = across(), [x, y] = arrows[event.key], column = (i % columns) + x;
      if (column >= 0 && column < columns) cells[i + x + y * columns]?.focus();
    };
  });
}

choosable(cells, ({ dataset }) =>
  go({ positions: { ...shown.positions, 0: +dataset.across, 1: +dataset.down } }, classes));
choosable(sheetCells, (_, number) => go({ number, positions: {} }, map, classes));

// The morph

byId("keep-a").onclick = () => {
  a = here;
  redraw(middle, ends);
};
byId("keep-b").onclick = () => {
  b = here;
  redraw(middle, ends);
};

let playing = 0; // The frame that is asked for, or 0.

function play(on) {
  cancelAnimationFrame(playing);
  playing = 0;
  byId("play").textContent = on ? "Pause" : "Play";
  if (!on) return;
  const seconds = 2.5, began = performance.now() - seconds * 1000 * (Math.acos(1 - 2 * byId("morph").value) / Math.PI);
  const step = (now) => {
    byId("morph").value = (1 - Math.cos((Math.PI * (now - began)) / (seconds * 1000))) / 2;
    redraw(middle);
    playing = requestAnimationFrame(step);
  };
  playing = requestAnimationFrame(step);
}

byId("play").onclick = () => play(!playing);
byId("morph").oninput = () => {
  play(false);
  redraw(middle);
};

// What can be taken along

// The picture in words, such as seed=3&picture=5&class=7&direction-1=1.5: the end of a link, and the name of a file.
function words({ seed, number, label, positions }) {
  const parts = { seed };
  if (number) parts.picture = number;
  if (model.classes.length) parts.class = label;
  for (const [i, to] of Object.entries(positions)) parts[`direction-${+i + 1}`] = to;
  return new URLSearchParams(parts).toString();
}

function fromLink() {
  const given = new URLSearchParams(location.hash.slice(1));
  if (!given.has("seed")) return;
  const positions = {};
  directions.forEach((_, i) => {
    const to = given.get(`direction-${i + 1}`);
    if (to !== null && Number.isFinite(+to)) positions[i] = Math.min(Math.max(+to, -3), 3);
  });
  const [seed, number] = [whole(given.get("seed"), 2 ** 32 - 1), whole(given.get("picture"), SHEET - 1)];
  const label = whole(given.get("class"), Math.max(model.classes.length - 1, 0));
  go({ seed, number, label, positions }, sheet, map, classes);
}

async function copy(text, told) {
  try {
    await navigator.clipboard.writeText(text);
    byId("told").textContent = told;
  } catch {
    // Some browsers keep the clipboard from a page that comes from a file.
    byId("told").textContent = "Copy this text:";
    byId("text").hidden = false;
    byId("text").value = text;
    byId("text").select();
  }
}

byId("copy-link").onclick = () => {
  history.replaceState(null, "", `#${words(shown)}`);
  copy(location.href, "The link is copied. It opens this page with this picture.");
};
byId("copy-latent").onclick = () => {
  const numbers = [...here.latent].map((value) => +value.toPrecision(9)); // Nine digits identify a float32.
  copy(`[${numbers.join(", ")}]`, "The numbers of the picture are copied.");
};

// Saves canvases as one PNG, row by row. Every pixel becomes a square, by a whole factor.
function save(canvases, columns, name) {
  const rows = canvases.length / columns, gap = canvases.length > 1 ? 4 : 0;
  const factor = Math.max(Math.floor(Math.min(512, 1024 / columns) / Math.max(width, height)), 1);
  const across = width * factor + gap, down = height * factor + gap;
  const large = document.createElement("canvas");
  large.width = columns * across + gap;
  large.height = rows * down + gap;
  const context = large.getContext("2d");
  context.fillStyle = "#606060";
  context.fillRect(0, 0, large.width, large.height);
  context.imageSmoothingEnabled = false;
  canvases.forEach((canvas, i) => {
    const [x, y] = [gap + (i % columns) * across, gap + Math.floor(i / columns) * down];
    context.drawImage(canvas, x, y, width * factor, height * factor);
  });
  large.toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${name.replaceAll("=", "-").replaceAll("&", "_")}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  });
}

byId("save").onclick = () => save([byId("picture")], 1, words(shown));
byId("save-sheet").onclick = () =>
  save(sheetCells.map(canvasIn), 6, `sheet_${words({ ...shown, number: 0, positions: {} })}`);

window.onhashchange = fromLink;
tell();
redraw();
fromLink();

window.explorer = { generate, pace: () => pace };
