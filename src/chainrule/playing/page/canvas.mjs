// Canvases that are drawn when what they show has changed, once a frame at most.

import { effect, useEffect, useRef, useState } from "./vendor/vendor.mjs";

/** @import {RefObject} from "./vendor/vendor.mjs" */

/**
 * @typedef {object} Pen
 * @property {CanvasRenderingContext2D} context  in CSS pixels, cleared
 * @property {number} width
 * @property {number} height
 * @property {number} ratio  pixels of the screen for each
 */

const LARGEST = 12_000_000; // pixels of one canvas: more than this, browsers refuse

const tasks = /** @type {Set<() => void>} */ (new Set());
let asked = false;

function runTasks() {
  asked = false;
  const now = [...tasks];
  tasks.clear();
  for (const task of now) task();
}

/**
 * Run a task in the next frame; asked twice, it runs once.
 * @param {() => void} task
 */
export function onFrame(task) {
  tasks.add(task);
  if (asked) return;
  asked = true;
  requestAnimationFrame(runTasks);
}

/**
 * Make a canvas as large as the place that CSS gives it, and clear it.
 * @param {HTMLCanvasElement} canvas
 * @param {number} width
 * @param {number} height
 * @returns {Pen | null}
 */
function prepared(canvas, width, height) {
  const context = canvas.getContext("2d");
  if (context === null || width < 1 || height < 1) return null;
  const finest = Math.sqrt(LARGEST / (width * height));
  const ratio = Math.min(window.devicePixelRatio || 1, finest);
  const across = Math.round(width * ratio);
  const down = Math.round(height * ratio);
  if (canvas.width !== across || canvas.height !== down) {
    canvas.width = across;
    canvas.height = down;
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height, ratio };
}

/**
 * Draw on a canvas when a signal that `watch` reads changes, when the component is drawn
 * anew and when the canvas gets another size.
 * @param {() => void} watch  reads the signals
 * @param {(pen: Pen) => void} draw
 * @returns {RefObject<HTMLCanvasElement | null>}
 */
export function useCanvas(watch, draw) {
  const ref = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const latest = useRef(draw);
  latest.current = draw;
  const size = useRef({ width: 0, height: 0 });
  const task = useRef(() => {
    const canvas = ref.current;
    if (canvas === null) return;
    const pen = prepared(canvas, size.current.width, size.current.height);
    if (pen !== null) latest.current(pen);
  });
  useEffect(() => {
    const canvas = /** @type {HTMLCanvasElement} */ (ref.current);
    const observer = new ResizeObserver(([entry]) => {
      size.current = entry.contentRect;
      onFrame(task.current);
    });
    observer.observe(canvas);
    const stop = effect(() => {
      watch();
      onFrame(task.current);
    });
    return () => {
      observer.disconnect();
      stop();
    };
  }, []);
  useEffect(() => onFrame(task.current));
  return ref;
}

/**
 * What `read` gives from signals, anew at most every `wait` milliseconds: for text and
 * tables, which nobody reads twenty times a second.
 * @template T
 * @param {() => T} read
 * @param {number} wait
 * @returns {T}
 */
export function useSlowly(read, wait) {
  const [value, setValue] = useState(/** @type {{of: T} | null} */ (null));
  const latest = useRef(read);
  latest.current = read;
  useEffect(() => {
    let last = -Infinity;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    const take = () => {
      timer = undefined;
      last = performance.now();
      setValue({ of: latest.current() });
    };
    const stop = effect(() => {
      latest.current();
      if (timer === undefined) timer = setTimeout(take, Math.max(0, last + wait - performance.now()));
    });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [wait]);
  return value === null ? read() : value.of;
}
