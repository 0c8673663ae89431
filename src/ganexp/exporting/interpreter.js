// Runs the nodes of an ONNX graph, one after another, on Float32Arrays. It is a worker, so the page can answer while
// it computes. A tensor is {shape, data}. Pictures have the shape [N, channels, height, width].

// c[row, column] = a[row] · b[column], where the rows of both have `depth` numbers. It computes four columns at a time,
// because then it reads each number of `a` once for all four. Most of the time of a picture is spent here.
function multiply(a, b, rows, columns, depth) {
  const c = new Float32Array(rows * columns);
  for (let column = 0; column < columns; column += 4) {
    // If fewer than four columns are left, the last one is computed several times.
    const [column1, column2, column3] = [1, 2, 3].map((more) => Math.min(column + more, columns - 1));
    const b0 = column * depth, b1 = column1 * depth, b2 = column2 * depth, b3 = column3 * depth;
    for (let row = 0; row < rows; row++) {
      const start = row * depth;
      let sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
      for (let i = 0; i < depth; i++) {
        const value = a[start + i];
        sum0 += value * b[b0 + i];
        sum1 += value * b[b1 + i];
        sum2 += value * b[b2 + i];
        sum3 += value * b[b3 + i];
      }
      const place = row * columns;
      c[place + column] = sum0;
      c[place + column1] = sum1;
      c[place + column2] = sum2;
      c[place + column3] = sum3;
    }
  }
  return c;
}

function transpose(data, rows, columns) {
  const turned = new Float32Array(data.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) turned[column * rows + row] = data[row * columns + column];
  return turned;
}

const count = (shape) => shape.reduce((product, side) => product * side, 1);

const map = (change) => ([x], attributes) => ({
  shape: x.shape,
  data: x.data.map((value) => change(value, attributes)),
});

// Combines two tensors by NumPy's broadcasting: a side of 1 is repeated.
const combine = (change) => ([a, b]) => {
  const axes = Math.max(a.shape.length, b.shape.length);
  const sides = (tensor) => [...Array(axes - tensor.shape.length).fill(1), ...tensor.shape];
  const [left, right] = [sides(a), sides(b)];
  const shape = left.map((side, axis) => Math.max(side, right[axis]));
  const data = new Float32Array(count(shape));
  const strides = (own) => own.map((side, axis) => (side === 1 ? 0 : count(own.slice(axis + 1))));
  const [leftStrides, rightStrides] = [strides(left), strides(right)];
  for (let i = 0; i < data.length; i++) {
    let rest = i, leftAt = 0, rightAt = 0;
    for (let axis = axes - 1; axis >= 0; axis--) {
      const position = rest % shape[axis];
      rest = (rest - position) / shape[axis];
      leftAt += position * leftStrides[axis];
      rightAt += position * rightStrides[axis];
    }
    data[i] = change(a.data[leftAt], b.data[rightAt]);
  }
  return { shape, data };
};

function addBias(y, bias) {
  const [n, channels] = y.shape, size = count(y.shape.slice(2));
  for (let plane = 0; plane < n * channels; plane++) {
    const value = bias.data[plane % channels];
    for (let i = plane * size; i < (plane + 1) * size; i++) y.data[i] += value;
  }
}

// Slides a kernel over a picture of [channels, height, width], which makes `down` times `across` patches. Calls
// visit(place in the patch, patch, place in the picture) for each number of each patch that is inside the picture.
function slide([channels, height, width], [down, across], [kernelHeight, kernelWidth], strides, pads, visit) {
  for (let channel = 0, part = 0; channel < channels; channel++)
    for (let ky = 0; ky < kernelHeight; ky++)
      for (let kx = 0; kx < kernelWidth; kx++, part++)
        for (let top = 0; top < down; top++) {
          const y = top * strides[0] + ky - pads[0];
          if (y < 0 || y >= height) continue;
          for (let left = 0; left < across; left++) {
            const x = left * strides[1] + kx - pads[1];
            if (x >= 0 && x < width) visit(part, top * across + left, (channel * height + y) * width + x);
          }
        }
}

const operators = {
  Add: combine((a, b) => a + b),

  BatchNormalization([x, scale, bias, mean, variance], { epsilon }) {
    const [n, channels] = x.shape, size = count(x.shape.slice(2));
    const data = new Float32Array(x.data.length);
    for (let plane = 0; plane < n * channels; plane++) {
      const channel = plane % channels;
      const gain = scale.data[channel] / Math.sqrt(variance.data[channel] + epsilon);
      const shift = bias.data[channel] - gain * mean.data[channel];
      for (let i = plane * size; i < (plane + 1) * size; i++) data[i] = gain * x.data[i] + shift;
    }
    return { shape: x.shape, data };
  },

  Concat(inputs, { axis }) {
    const at = axis < 0 ? axis + inputs[0].shape.length : axis;
    const outer = count(inputs[0].shape.slice(0, at));
    const shape = [...inputs[0].shape];
    shape[at] = inputs.reduce((sum, input) => sum + input.shape[at], 0);
    const data = new Float32Array(count(shape));
    for (let i = 0, place = 0; i < outer; i++)
      for (const input of inputs) {
        const size = input.data.length / outer;
        data.set(input.data.subarray(i * size, (i + 1) * size), place);
        place += size;
      }
    return { shape, data };
  },

  // The patches of a picture become the rows of a matrix (im2col), so that a convolution is a product of matrices.
  Conv([x, weight, bias], { strides, pads }) {
    const [n, channels, height, width] = x.shape, [outputs, , ...kernel] = weight.shape;
    const across = Math.floor((width + pads[1] + pads[3] - kernel[1]) / strides[1]) + 1;
    const down = Math.floor((height + pads[0] + pads[2] - kernel[0]) / strides[0]) + 1;
    const depth = channels * kernel[0] * kernel[1], size = channels * height * width, area = down * across;
    const y = { shape: [n, outputs, down, across], data: new Float32Array(n * outputs * area) };
    for (let i = 0; i < n; i++) {
      const picture = x.data.subarray(i * size, (i + 1) * size), patches = new Float32Array(area * depth);
      slide([channels, height, width], [down, across], kernel, strides, pads, (part, patch, place) => {
        patches[patch * depth + part] = picture[place];
      });
      y.data.set(multiply(weight.data, patches, outputs, area, depth), i * outputs * area);
    }
    if (bias) addBias(y, bias);
    return y;
  },

  // A product of matrices makes the patches, and their sum is the picture.
  ConvTranspose([x, weight, bias], { strides, pads }) {
    const [n, channels, down, across] = x.shape, [, outputs, ...kernel] = weight.shape;
    const height = (down - 1) * strides[0] + kernel[0] - pads[0] - pads[2];
    const width = (across - 1) * strides[1] + kernel[1] - pads[1] - pads[3];
    const parts = outputs * kernel[0] * kernel[1], area = down * across, size = outputs * height * width;
    weight.turned ??= transpose(weight.data, channels, parts);
    const y = { shape: [n, outputs, height, width], data: new Float32Array(n * size) };
    for (let i = 0; i < n; i++) {
      const columns = transpose(x.data.subarray(i * channels * area, (i + 1) * channels * area), channels, area);
      const patches = multiply(weight.turned, columns, parts, area, channels);
      const picture = y.data.subarray(i * size, (i + 1) * size);
      slide([outputs, height, width], [down, across], kernel, strides, pads, (part, patch, place) => {
        picture[place] += patches[part * area + patch];
      });
    }
    if (bias) addBias(y, bias);
    return y;
  },

  // Takes rows of a table. Labels are given as the shares of each class, [N, classes], so that classes can be mixed.
  Gather([table, shares]) {
    const [classes, ...row] = table.shape, n = shares.shape[0], size = count(row);
    table.turned ??= transpose(table.data, classes, size);
    return { shape: [n, ...row], data: multiply(shares.data, table.turned, n, size, classes) };
  },

  Gemm([x, weight, bias]) {
    const [n, depth] = x.shape, outputs = weight.shape[0];
    const y = { shape: [n, outputs], data: multiply(x.data, weight.data, n, outputs, depth) };
    if (bias) addBias(y, bias);
    return y;
  },

  LeakyRelu: map((value, { alpha }) => (value < 0 ? alpha * value : value)),

  Mul: combine((a, b) => a * b),

  Relu: map((value) => (value < 0 ? 0 : value)),

  Reshape([x, target], { allowzero }) {
    const shape = target.data.map((side, axis) => (side === 0 && !allowzero ? x.shape[axis] : side));
    const known = count(shape.filter((side) => side !== -1));
    return { shape: shape.map((side) => (side === -1 ? x.data.length / known : side)), data: x.data };
  },

  // Takes the nearest place above and to the left. The size is given in pixels or as a scale.
  Resize([x, , scales, sizes]) {
    const [n, channels, height, width] = x.shape;
    const [down, across] = sizes ? [sizes.data[2] / height, sizes.data[3] / width] : scales.data.slice(2);
    const tall = Math.floor(height * down), wide = Math.floor(width * across);
    const data = new Float32Array(n * channels * tall * wide);
    for (let plane = 0, i = 0; plane < n * channels; plane++)
      for (let top = 0; top < tall; top++) {
        const row = (plane * height + Math.floor(top / down)) * width;
        for (let left = 0; left < wide; left++, i++) data[i] = x.data[row + Math.floor(left / across)];
      }
    return { shape: [n, channels, tall, wide], data };
  },

  Tanh: map(Math.tanh),

  Unsqueeze([x, axes]) {
    const rank = x.shape.length + axes.data.length, left = [...x.shape];
    const added = axes.data.map((axis) => (axis < 0 ? axis + rank : axis));
    const shape = Array.from({ length: rank }, (_, axis) => (added.includes(axis) ? 1 : left.shift()));
    return { shape, data: x.data };
  },
};

function fromHalf(bits) {
  const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = (bits & 1023) / 1024;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction) : 2 ** -14 * fraction);
}

function decode({ shape, values, base64 }) {
  if (values) return { shape, data: values };
  const letters = atob(base64), bytes = new Uint8Array(letters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = letters.charCodeAt(i);
  if (bytes.length === 4 * count(shape)) return { shape, data: new Float32Array(bytes.buffer) };
  return { shape, data: Float32Array.from(new Uint16Array(bytes.buffer), fromHalf) };
}

function run({ nodes, tensors }, inputs) {
  const known = { ...tensors, ...inputs };
  for (const { operator, inputs, output, attributes } of nodes)
    known[output] = operators[operator](inputs.map((name) => known[name]), attributes);
  return known.images;
}

// Floats in [-1, 1] become the nearest of 256 levels. A Uint8ClampedArray rounds and clamps its values itself.
const toPixels = (images) => Uint8ClampedArray.from(images.data, (value) => (value + 1) * 127.5);

let graph;

// The first message is the graph. Each later message is {latents, shares} of N pictures. The answer holds their pixels.
onmessage = ({ data }) => {
  if (data.nodes) {
    graph = { nodes: data.nodes, tensors: {} };
    for (const [name, tensor] of Object.entries(data.tensors)) graph.tensors[name] = decode(tensor);
    return;
  }
  const started = performance.now();
  const pixels = toPixels(run(graph, { latent: data.latents, label: data.shares }));
  postMessage({ pixels, milliseconds: performance.now() - started });
};
