// The page: where in latent space it is, and which of its pictures are to be drawn again.
// A point is {latent, shares}: shares of each class, or nothing if the generator is not conditional.
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

// The worker answers in the order that it was asked in: {pixels of all points, milliseconds}.
const ask = (points) =>
  new Promise((resolve) => {
    waiting.push(resolve);
    const latents = pack(points.map(({ latent }) => latent));
    const shares = model.classes.length ? pack(points.map(({ shares }) => shares)) : undefined;
    worker.postMessage({ latents, shares });
  });

const only = (label) => Float32Array.from(model.classes, (_, i) => (i === label ? 1 : 0));

// uint8 pixels [channels, height, width] of one latent and, of a conditional generator, one label.
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

// Numbers from N(0, 1), the same for a seed in any browser: mulberry32, then Box and Muller 1958.
function fromSeed(seed) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return Float32Array.from({ length: model.latentSize }, normal);
}

const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);

// The latent whose position along a direction is `to`, and the same across it.
function moved(latent, direction, to) {
  const step = to - dot(latent, direction);
  return latent.map((value, i) => value + step * direction[i]);
}

// Along the sphere (Shoemake 1985); classes are mixed as their embeddings are.
function between(a, b, t) {
  const cosine = dot(a.latent, b.latent) / Math.sqrt(dot(a.latent, a.latent) * dot(b.latent, b.latent));
  const angle = Math.acos(Math.min(Math.max(cosine, -1), 1));
  const sine = Math.sin(angle); // Next to 0 where the sphere shows no way, or none is needed.
  const [left, right] = sine < 1e-3 ? [1 - t, t] : [Math.sin((1 - t) * angle) / sine, Math.sin(t * angle) / sine];
  return {
    latent: a.latent.map((value, i) => left * value + right * b.latent[i]),
    shares: a.shares.map((value, i) => (1 - t) * value + t * b.shares[i]),
  };
}

// What is drawn

let seed = 0;
let here = { latent: fromSeed(0), shares: only(0) };
let a = here;
let b = { latent: fromSeed(1), shares: only(Math.min(1, model.classes.length - 1)) };

const cells = all("#map button");
const inMap = ({ dataset }) => moved(moved(here.latent, directions[0], +dataset.across), directions[1], +dataset.down);
const canvasIn = (element) => element.querySelector("canvas");

// Each view is a list of [canvas, its point], drawn from `next` on; the most urgent view comes first.
const view = (...pictures) => ({ pictures, next: 0 });
const picture = view([byId("picture"), () => here]);
const middle = view([byId("middle"), () => between(a, b, +byId("morph").value)]);
const ends = view([canvasIn(byId("keep-a")), () => a], [canvasIn(byId("keep-b")), () => b]);
const map = view(...cells.map((cell) => [canvasIn(cell), () => ({ ...here, latent: inMap(cell) })]));
const classes = view(...all("#classes canvas").map((canvas, i) => [canvas, () => ({ ...here, shares: only(i) })]));
const views = [picture, middle, ends, map, classes];

let pace = 1000; // Milliseconds that a picture takes.
let drawing = false;

// A few pictures at a time, so that one that turns urgent meanwhile waits for a frame and no longer.
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

// What can be moved

const sliders = all(".slider input");
const label = () => all("#classes :checked")[0]?.parentElement.textContent.trim();

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
  byId("picture").setAttribute("aria-label", `The picture of seed ${seed}${label() ? `, class ${label()}` : ""}`);
}

function go(point, ...stale) {
  here = { ...here, ...point };
  tell();
  redraw(picture, ...stale);
}

function start(value) {
  seed = Math.min(Math.max(Math.floor(value) || 0, 0), 2 ** 32 - 1);
  byId("seed").value = seed;
  go({ latent: fromSeed(seed) }, map, classes);
}

byId("seed").onchange = ({ target }) => start(+target.value);
byId("another").onclick = () => start(seed + 1);
byId("reset").onclick = () => start(seed);
sliders.forEach((slider, i) => {
  // Along its own two directions the map stays as it is.
  const stale = i < 2 ? [classes] : [map, classes];
  slider.oninput = () => go({ latent: moved(here.latent, directions[i], +slider.value) }, ...stale);
});
all("#classes input").forEach((input, i) => (input.onchange = () => go({ shares: only(i) }, map)));

cells.forEach((cell, i) => {
  cell.onclick = () => go({ latent: inMap(cell) }, classes);
  cell.onfocus = () => cells.forEach((other) => (other.tabIndex = other === cell ? 0 : -1));
  cell.onkeydown = (event) => {
    const [x, y] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [0, 0];
    const [column, row] = [(i % 5) + x, Math.floor(i / 5) + y];
    if (!x && !y) return;
    event.preventDefault();
    if (column >= 0 && column < 5 && row >= 0 && row < 5) cells[row * 5 + column].focus();
  };
});

byId("morph").oninput = () => redraw(middle);
byId("keep-a").onclick = () => {
  a = here;
  redraw(middle, ends);
};
byId("keep-b").onclick = () => {
  b = here;
  redraw(middle, ends);
};

tell();
redraw();

window.explorer = { generate, pace: () => pace };
