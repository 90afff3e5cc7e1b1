// Mathematics that is typeset once, and whose numbers are patched from then on.
//
// A block is an element with slots in it. It is typeset when it first comes into sight, and
// patched while it is in sight. Elements of a block say what they are by their data:
//   data-tex   LaTeX with slots \text{@3@}; data-said is how it is read out
//   data-slot  the number of a slot, whose text it gets
//   data-scrolls  what it is that may be too wide for it
// Slots are filled as text, never as markup.

import { katex, useLayoutEffect, useRef } from "./vendor/vendor.mjs";

/**
 * @typedef {object} Block
 * @property {HTMLElement} element
 * @property {[Text, number][] | null} places  text nodes with their slots; null: not typeset
 * @property {[HTMLElement, string][]} readings  elements with what is read out of them
 */

const MARGIN = "300px"; // so far out of sight things are made ready

/** Of an element that was typeset: what, and the text nodes of its slots in their order. */
const typeset = /** @type {WeakMap<Element, {tex: string, nodes: Text[]}>} */ (new WeakMap());
const blocks = /** @type {Map<Element, Block>} */ (new Map());
const inSight = /** @type {Set<Block>} */ (new Set());

let numbers = /** @type {string[]} */ ([]);

const watcher = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const block = blocks.get(target);
    if (block === undefined) continue;
    if (isIntersecting) {
      inSight.add(block);
      patch(block);
      measure();
    } else {
      inSight.delete(block);
    }
  }
}, /** @type {IntersectionObserverInit} */ ({ rootMargin: MARGIN, scrollMargin: MARGIN }));

/**
 * Fill the slots of a text.
 * @param {string} text
 */
function filled(text) {
  return text.split("@").map((piece, k) => (k % 2 ? numbers[Number(piece)] ?? "" : piece)).join("");
}

/**
 * Number the slots of LaTeX from 0, so that the same equation elsewhere is the same text.
 * @param {string} latex
 * @returns {[tex: string, slots: number[]]}
 */
function numbered(latex) {
  const slots = /** @type {number[]} */ ([]);
  const tex = latex.replace(/@(\d+)@/g, (_, slot) => `@${slots.push(Number(slot)) - 1}@`);
  return [tex, slots];
}

/**
 * Typeset LaTeX into an element, if it does not stand there already.
 * @param {HTMLElement} element
 * @param {string} tex
 * @returns {Text[]} the text nodes of the slots
 */
function set(element, tex) {
  const before = typeset.get(element);
  if (before?.tex === tex) return before.nodes;
  katex.render(`\\displaystyle ${tex}`, element, {
    output: "html", throwOnError: false, strict: "ignore", maxExpand: 1000,
  });
  const nodes = /** @type {Text[]} */ ([]);
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const found = /^@(\d+)@$/.exec(/** @type {Text} */ (node).data);
    if (found !== null) nodes[Number(found[1])] = /** @type {Text} */ (node);
  }
  typeset.set(element, { tex, nodes });
  return nodes;
}

/**
 * The one text node of an element.
 * @param {Element} element
 */
function textOf(element) {
  if (!(element.firstChild instanceof Text)) element.replaceChildren("");
  return /** @type {Text} */ (element.firstChild);
}

/** @param {Block} block */
function prepare(block) {
  const places = /** @type {[Text, number][]} */ ([]);
  block.readings = [];
  for (const element of /** @type {NodeListOf<HTMLElement>} */ (
    block.element.querySelectorAll("[data-tex], [data-slot]"))) {
    const { tex, slot, said } = element.dataset;
    if (tex !== undefined) {
      const [plain, slots] = numbered(tex);
      set(element, plain).forEach((node, k) => places.push([node, slots[k]]));
      block.readings.push([element, said ?? ""]);
    } else {
      places.push([textOf(element), Number(slot)]);
    }
  }
  block.places = places;
  return places;
}

/** @param {Block} block */
function patch(block) {
  for (const [node, slot] of block.places ?? prepare(block)) {
    const text = numbers[slot] ?? "";
    if (node.data !== text) node.data = text;
  }
  for (const [element, said] of block.readings) {
    const label = filled(said);
    if (element.getAttribute("aria-label") !== label) element.setAttribute("aria-label", label);
  }
}

/**
 * Show other numbers in all that is in sight.
 * @param {string[]} texts  by slot
 */
export function show(texts) {
  numbers = texts;
  for (const block of inSight) patch(block);
  measure();
}

let measuring = false;

/** Let the keyboard scroll what is too wide, and only that; all is read before all is written. */
function measure() {
  if (measuring) return;
  measuring = true;
  requestAnimationFrame(() => {
    measuring = false;
    const boxes = [...inSight].flatMap(({ element }) =>
      [.../** @type {NodeListOf<HTMLElement>} */ (element.querySelectorAll("[data-scrolls]"))]);
    const wide = boxes.map((box) => box.scrollWidth > box.clientWidth);
    boxes.forEach((box, k) => {
      if (wide[k] === box.hasAttribute("tabindex")) return;
      if (wide[k]) {
        box.tabIndex = 0;
        box.setAttribute("role", "group");
        box.setAttribute("aria-label", `${box.dataset.scrolls}, scrolls sideways`);
      } else {
        for (const name of ["tabindex", "role", "aria-label"]) box.removeAttribute(name);
      }
    });
  });
}

/**
 * Make an element a block; its slots are found anew whenever `content` is another one.
 * @param {unknown} content
 * @param {boolean} [always]  whether it is patched out of sight too
 */
export function useBlock(content, always = false) {
  const ref = useRef(/** @type {HTMLElement | null} */ (null));
  useLayoutEffect(() => {
    const element = /** @type {HTMLElement} */ (ref.current);
    const block = blocks.get(element);
    if (block === undefined) return;
    block.places = null;
  }, [content]);
  useLayoutEffect(() => {
    const element = /** @type {HTMLElement} */ (ref.current);
    const block = { element, places: null, readings: [] };
    blocks.set(element, block);
    if (always) inSight.add(block);
    else watcher.observe(element);
    return () => {
      watcher.unobserve(element);
      blocks.delete(element);
      inSight.delete(block);
    };
  }, []);
  return ref;
}
