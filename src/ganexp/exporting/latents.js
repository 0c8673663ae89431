// The latents of `python -m ganexp.sample`: the same seed gives the same numbers here as there. See sampling.py and
// seeds.py. The numbers may differ by some 1e-6, because torch rounds its logarithms and cosines in another way.
"use strict";

// The first `count` latents of a seed, each a Float32Array of `size` numbers from N(0, 1). `count` is at most 200:
// torch draws 250 latents together, and the last 16 numbers of those in another order.
function latentsOf(seed, count, size) {
  const random = mersenneTwister(firstWord(`(${seed}, 'latents', 0)`));
  const uniform = () => (random() & 0xffffff) / 2 ** 24;
  const all = new Float32Array(Math.ceil((count * size) / 16) * 16);
  // Eight pairs of uniform numbers give sixteen normal ones (Box and Muller 1958).
  for (let start = 0; start < all.length; start += 16) {
    const drawn = Array.from({ length: 16 }, uniform);
    for (let i = 0; i < 8; i++) {
      const radius = Math.sqrt(-2 * Math.log(1 - drawn[i])), angle = 2 * Math.PI * drawn[i + 8];
      all[start + i] = radius * Math.cos(angle);
      all[start + i + 8] = radius * Math.sin(angle);
    }
  }
  return Array.from({ length: count }, (_, i) => all.slice(i * size, (i + 1) * size));
}

// A function that returns the next whole number below 2^32 (MT19937, Matsumoto and Nishimura 1998).
function mersenneTwister(seed) {
  const state = new Uint32Array(624);
  let next = 624;
  state[0] = seed;
  for (let i = 1; i < 624; i++) state[i] = Math.imul(1812433253, state[i - 1] ^ (state[i - 1] >>> 30)) + i;
  return () => {
    if (next === 624) {
      for (let i = 0; i < 624; i++) {
        const y = (state[i] & 0x80000000) | (state[(i + 1) % 624] & 0x7fffffff);
        state[i] = state[(i + 397) % 624] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
      }
      next = 0;
    }
    let y = state[next++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
}

// The first 32 bits of the SHA-256 (FIPS 180-4) of at most 55 letters of ASCII.
function firstWord(text) {
  const primes = [];
  for (let n = 2; primes.length < 64; n++) if (primes.every((prime) => n % prime)) primes.push(n);
  const fraction = (x) => ((x - Math.floor(x)) * 2 ** 32) | 0;
  const rotated = (x, by) => (x >>> by) | (x << (32 - by));

  const words = new Int32Array(64);
  for (let i = 0; i < text.length; i++) words[i >> 2] |= text.charCodeAt(i) << (24 - 8 * (i % 4));
  words[text.length >> 2] |= 0x80 << (24 - 8 * (text.length % 4));
  words[15] = 8 * text.length;
  for (let i = 16; i < 64; i++) {
    const [x, y] = [words[i - 15], words[i - 2]];
    const early = rotated(x, 7) ^ rotated(x, 18) ^ (x >>> 3), late = rotated(y, 17) ^ rotated(y, 19) ^ (y >>> 10);
    words[i] = words[i - 16] + early + words[i - 7] + late;
  }

  const first = fraction(Math.sqrt(2));
  let [a, b, c, d, e, f, g, h] = primes.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));
  for (let i = 0; i < 64; i++) {
    const high = rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25), choice = (e & f) ^ (~e & g);
    const one = (h + high + choice + fraction(Math.cbrt(primes[i])) + words[i]) | 0;
    const two = (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    [a, b, c, d, e, f, g, h] = [(one + two) | 0, a, b, c, (d + one) | 0, e, f, g];
  }
  return (first + a) >>> 0;
}
