// Colours that the canvas panels share. Blue is above and orange below zero, everywhere:
// weights, values, and the two classes (the second is blue). The pair stays apart for
// people who do not see red from green. style.css holds the colours of everything else.

/** @typedef {[number, number, number]} Colour  red, green, blue: 0 to 255 */

/**
 * @param {string} text  "#rrggbb"
 * @returns {Colour}
 */
function read(text) {
  const bits = Number.parseInt(text.slice(1), 16);
  return [bits >> 16, (bits >> 8) & 255, bits & 255];
}

/**
 * Write a colour as CSS.
 * @param {ArrayLike<number>} colour
 * @param {number} [opacity]
 */
export function css(colour, opacity = 1) {
  const [r, g, b] = [colour[0], colour[1], colour[2]].map(Math.round);
  return opacity === 1 ? `rgb(${r} ${g} ${b})` : `rgb(${r} ${g} ${b} / ${opacity})`;
}

// From the lowest to the highest; the middle of the diverging one is the paper.
const DIVERGING = {
  light: ["#a84300", "#e8812e", "#f7c795", "#f4f3f1", "#a5c9e8", "#3f8ccb", "#0d4f8b"],
  dark: ["#ffb067", "#e07b28", "#8a4a1a", "#23272d", "#1f527f", "#3b8fd6", "#8fcbff"],
};
// The same, quieter: for areas that points or lines are drawn on.
const AREA = {
  light: ["#e8914a", "#f2b98a", "#f8dcc4", "#f6f5f3", "#cfe0f0", "#9cc5e8", "#5fa2d9"],
  dark: ["#a65a1a", "#80471b", "#4f321e", "#23272d", "#1d3852", "#204e78", "#2968a3"],
};
const SEQUENTIAL = {
  light: ["#fbf3d9", "#d3e2b6", "#8ccbb0", "#43a5b3", "#2677a5", "#244a86", "#1d2459"],
  dark: ["#1a1d3f", "#24437c", "#23719c", "#35a0ab", "#7cc8a9", "#cadfa9", "#fbf3cf"],
};

const SCALES = { diverging: DIVERGING, area: AREA, sequential: SEQUENTIAL };

/** @typedef {keyof typeof SCALES} ScaleName */

// The first two are those of the diverging scale. Each further one was chosen to be as far as
// can be from those before it, in both themes, in normal vision and in the three kinds of
// colour blindness (Machado, Oliveira & Fernandes, 2009): the first eight are at least 9 apart
// in OKLab times 100 (7 where blue is not seen), all twenty 3.
const CLASSES = {
  light: [
    "#d9700f", "#2f7dc0", "#70c1a5", "#5e0f3e", "#1a079e", "#c5146a", "#5a4c24", "#ae7df9",
    "#d5b455", "#32a155", "#3d3368", "#768e96", "#483eb5", "#306965", "#b6aeee", "#4e2b17",
    "#93408e", "#687637", "#826e92", "#6f6de8",
  ],
  dark: [
    "#f08a32", "#4a9be0", "#99ebce", "#9c4a74", "#3f57e1", "#fc5d9a", "#8e7f56", "#d0b8fe",
    "#fedc7d", "#67d182", "#7168a3", "#a2bbc4", "#7676f1", "#639c98", "#dedaff", "#87604b",
    "#ca72c3", "#98a766", "#b29dc3", "#9fa5fd",
  ],
};

// Lines and text that are drawn on a canvas or given to uPlot.
const INK = {
  light: {
    text: "#1b2430", soft: "#566273", line: "#d5dae1", paper: "#ffffff", accent: "#1f5f99",
    train: "#1f6fb5", validation: "#b3560f", compared: "#7a5aa6", bad: "#b3261e",
  },
  dark: {
    text: "#e7ebf0", soft: "#a3aebb", line: "#343c46", paper: "#171b20", accent: "#7db8ec",
    train: "#6cb4f0", validation: "#f2a65a", compared: "#bea1ea", bad: "#ff8a80",
  },
};

/**
 * A number from 0 to 1 on the scale of a channel that light is added on.
 * @param {number} byte
 */
function linear(byte) {
  const c = byte / 255;
  return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
}

/** @param {number} light */
function byte(light) {
  const c = light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055;
  return Math.round(255 * Math.min(1, Math.max(0, c)));
}

/**
 * sRGB to OKLab (Ottosson, 2020), where equal steps look equal.
 * @param {Colour} colour
 * @returns {Colour}
 */
function toLab(colour) {
  const [r, g, b] = colour.map(linear);
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

/**
 * @param {Colour} lab
 * @returns {Colour}
 */
function fromLab([L, a, b]) {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    byte(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    byte(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    byte(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}

/**
 * 256 colours between the stops, four bytes each: red, green, blue, 255.
 * @param {string[]} stops
 */
function spread(stops) {
  const labs = stops.map((stop) => toLab(read(stop)));
  const colours = new Uint8ClampedArray(4 * 256);
  for (let k = 0; k < 256; k += 1) {
    const at = (k / 255) * (labs.length - 1);
    const from = Math.min(Math.floor(at), labs.length - 2);
    const share = at - from;
    const lab = labs[from].map((value, i) => value + share * (labs[from + 1][i] - value));
    colours.set([...fromLab(/** @type {Colour} */ (lab)), 255], 4 * k);
  }
  return colours;
}

const made = /** @type {Map<string, Uint8ClampedArray>} */ (new Map());

/**
 * A scale as 256 colours of four bytes, for pixels: "diverging" and "area" from orange over
 * the paper to blue, "sequential" from little to much.
 * @param {ScaleName} name
 * @param {boolean} dark
 * @returns {Uint8ClampedArray}
 */
export function scale(name, dark) {
  const key = `${name} ${dark}`;
  let colours = made.get(key);
  if (colours === undefined) {
    const { light, dark: night } = SCALES[name];
    colours = spread(dark ? night : light);
    made.set(key, colours);
  }
  return colours;
}

/**
 * The colour of a value on a scale.
 * @param {ScaleName} name
 * @param {number} share  0 to 1; the middle of "diverging" is 0.5
 * @param {boolean} dark
 * @returns {Colour}
 */
export function shade(name, share, dark) {
  const k = 4 * Math.round(255 * Math.min(1, Math.max(0, Number.isNaN(share) ? 0.5 : share)));
  const colours = scale(name, dark);
  return [colours[k], colours[k + 1], colours[k + 2]];
}

/**
 * The colour of a class; from the twenty-first on they come again.
 * @param {number} k
 * @param {boolean} dark
 * @returns {Colour}
 */
export function classColour(k, dark) {
  const colours = dark ? CLASSES.dark : CLASSES.light;
  return read(colours[k % colours.length]);
}

/**
 * Mix a colour into the paper: share 1 is the colour itself.
 * @param {Colour} colour
 * @param {number} share
 * @param {boolean} dark
 * @returns {Colour}
 */
export function tint(colour, share, dark) {
  const paper = read(ink(dark).paper);
  return /** @type {Colour} */ (colour.map((value, i) => paper[i] + share * (value - paper[i])));
}

/**
 * Black or white, whichever is read more easily on a colour: by WCAG's contrast, 4.5 or more.
 * @param {Colour} colour
 */
export function readable(colour) {
  const [r, g, b] = colour.map(linear);
  const light = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  return (light + 0.05) / 0.05 > 1.05 / (light + 0.05) ? "#000000" : "#ffffff";
}

/**
 * Colours of text and lines on a canvas.
 * @param {boolean} dark
 */
export function ink(dark) {
  return dark ? INK.dark : INK.light;
}
