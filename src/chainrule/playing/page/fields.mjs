// Controls with a label, a hint, and the error of their place in the settings.
//
// A number is sent when it is finished (Enter, or leaving the field), a slider while it
// moves. What was refused stays as it was typed, with the message below it.

import { html, useEffect, useId, useRef, useState } from "./vendor/vendor.mjs";
import { errors, forgetErrors, showError, showsErrors } from "./store.mjs";

/** @import {ComponentChildren} from "./vendor/vendor.mjs" */

/**
 * The error of a place, which is shown by whoever asks for it here.
 * @param {string} where
 */
export function useError(where) {
  useEffect(() => showsErrors(where), [where]);
  return errors.value.get(where);
}

/**
 * What was entered and is not yet, or was not, taken; undefined where both agree.
 * @template T
 * @param {unknown} value
 * @param {boolean} failed
 * @returns {[T | undefined, (draft: T | undefined) => void]}
 */
function useDraft(value, failed) {
  const [draft, setDraft] = useState(/** @type {T | undefined} */ (undefined));
  useEffect(() => {
    if (!failed) setDraft(undefined);
  }, [value, failed]);
  return [draft, setDraft];
}

/**
 * @param {object} props
 * @param {string} props.id
 * @param {string} [props.message]
 * @param {string} [props.hint]
 */
function Below({ id, message, hint }) {
  return html`
    <div class="below">
      ${hint && html`<p id=${`${id}-hint`} class="hint">${hint}</p>`}
      <p id=${`${id}-error`} class="error" aria-live="polite">${message}</p>
    </div>`;
}

/**
 * What a control needs so that its hint and error are read out with it.
 * @param {string} id
 * @param {string | undefined} message
 * @param {string | undefined} hint
 */
function described(id, message, hint) {
  const ids = [hint && `${id}-hint`, message && `${id}-error`].filter(Boolean).join(" ");
  return {
    id,
    "aria-invalid": message ? "true" : undefined,
    "aria-describedby": ids || undefined,
  };
}

/**
 * A number. With `none` it may be left empty, which means null; `none` says what that is.
 * @param {object} props
 * @param {string} props.label
 * @param {string} props.where  its place in the settings
 * @param {number | null} props.value
 * @param {(value: any) => unknown} props.set
 * @param {string} [props.none]
 * @param {string} [props.hint]
 * @param {(value: number | null, way: 1 | -1) => number | null} [props.nudge]  the next value
 * @param {string} [props.className]
 */
export function NumberField({ label, where, value, set, none, hint, nudge, className = "" }) {
  const id = useId();
  const message = useError(where);
  const [typed, setTyped] = useDraft(value, message !== undefined);
  const commit = () => {
    if (typed === undefined) return;
    const text = String(typed).trim().replace("\u2212", "-");
    const read = text === "" && none !== undefined ? null : Number(text === "" ? NaN : text);
    if (Number.isNaN(read)) {
      showError(where, text === "" ? "give a number" : `“${text}” is not a number`);
    } else if (read === value) {
      forgetErrors([where]);
      setTyped(undefined);
    } else {
      void set(read);
    }
  };
  /** @param {1 | -1} way */
  const go = (way) => {
    if (nudge === undefined) return;
    setTyped(undefined);
    void set(nudge(value, way));
  };
  /** @param {KeyboardEvent} event */
  const key = (event) => {
    if (event.key === "Enter") commit();
    else if (event.key === "Escape") {
      setTyped(undefined);
      forgetErrors([where]);
    } else if (nudge !== undefined && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      event.preventDefault();
      go(event.key === "ArrowUp" ? 1 : -1);
    }
  };
  return html`
    <div class=${`field ${className}`}>
      <label for=${id}>${label}</label>
      <div class="control">
        ${nudge && html`<button type="button" class="nudge" aria-label=${`${label}: less`}
          onClick=${() => go(-1)}>−</button>`}
        <input type="text" inputmode="decimal" autocomplete="off" spellcheck=${false}
          ...${described(id, message, hint)} placeholder=${none}
          value=${typed ?? (value === null ? "" : String(value))}
          onInput=${(/** @type {any} */ event) => setTyped(event.target.value)}
          onBlur=${commit} onKeyDown=${key} />
        ${nudge && html`<button type="button" class="nudge" aria-label=${`${label}: more`}
          onClick=${() => go(1)}>+</button>`}
      </div>
      <${Below} id=${id} message=${message} hint=${hint} />
    </div>`;
}

/**
 * One of several.
 * @param {object} props
 * @param {string} props.label
 * @param {string} props.where
 * @param {any} props.value
 * @param {[value: any, label: string, group?: string][]} props.choices  in the order of groups
 * @param {(value: any) => unknown} props.set
 * @param {string} [props.hint]
 * @param {string} [props.className]
 * @param {boolean} [props.disabled]
 */
export function Choice({ label, where, value, choices, set, hint, className = "", disabled }) {
  const id = useId();
  const message = useError(where);
  const [chosen, setChosen] = useDraft(value, message !== undefined);
  const shown = chosen === undefined ? value : chosen;
  /** @param {number} k */
  const option = (k) => html`
    <option value=${String(k)}>${choices[k][1]}</option>`;
  const groups = [...new Set(choices.map((choice) => choice[2]))];
  return html`
    <div class=${`field ${className}`}>
      <label for=${id}>${label}</label>
      <div class="control">
        <select ...${described(id, message, hint)} disabled=${disabled}
          value=${String(choices.findIndex((choice) => choice[0] === shown))}
          onChange=${(/** @type {any} */ event) => {
            const next = choices[Number(event.target.value)][0];
            setChosen(next);
            void set(next);
          }}>
          ${groups.map((group) => {
            const members = choices.flatMap((choice, k) => choice[2] === group ? [option(k)] : []);
            return group === undefined ? members
              : html`<optgroup label=${group}>${members}</optgroup>`;
          })}
        </select>
      </div>
      <${Below} id=${id} message=${message} hint=${hint} />
    </div>`;
}

/**
 * Yes or no.
 * @param {object} props
 * @param {ComponentChildren} props.label
 * @param {string} props.where
 * @param {boolean} props.value
 * @param {(value: boolean) => unknown} props.set
 * @param {string} [props.hint]
 * @param {boolean} [props.disabled]
 */
export function Toggle({ label, where, value, set, hint, disabled }) {
  const id = useId();
  const message = useError(where);
  const [chosen, setChosen] = useDraft(value, message !== undefined);
  return html`
    <div class="field toggle">
      <input type="checkbox" ...${described(id, message, hint)} disabled=${disabled}
        checked=${chosen ?? value}
        onChange=${(/** @type {any} */ event) => {
          setChosen(event.target.checked);
          void set(event.target.checked);
        }} />
      <label for=${id}>${label}</label>
      <${Below} id=${id} message=${message} hint=${hint} />
    </div>`;
}

/**
 * A number on a scale, sent while it moves: one at a time, the last one surely.
 * @param {object} props
 * @param {string} props.label
 * @param {string} props.where
 * @param {number} props.value
 * @param {number} props.min
 * @param {number} props.max
 * @param {number} props.step
 * @param {(value: number) => unknown} props.set
 * @param {(value: number) => string} [props.show]
 * @param {string} [props.hint]
 */
export function Slider({ label, where, value, min, max, step, set, show = String, hint }) {
  const id = useId();
  const message = useError(where);
  const [moved, setMoved] = useState(/** @type {number | undefined} */ (undefined));
  const next = useRef(/** @type {number | undefined} */ (undefined));
  const busy = useRef(false);
  const settle = useRef(/** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined));
  useEffect(() => () => clearTimeout(settle.current), []);
  const push = async () => {
    if (busy.current) return;
    busy.current = true;
    while (next.current !== undefined) {
      const sent = next.current;
      next.current = undefined;
      await set(sent);
    }
    busy.current = false;
    // The frame with the new value comes a moment after the reply.
    settle.current = setTimeout(() => setMoved(undefined), 400);
  };
  const shown = moved ?? value;
  return html`
    <div class="field slider">
      <label for=${id}>${label}</label>
      <div class="control">
        <input type="range" min=${min} max=${max} step=${step} value=${shown}
          ...${described(id, message, hint)} aria-valuetext=${show(shown)}
          onInput=${(/** @type {any} */ event) => {
            clearTimeout(settle.current);
            next.current = Number(event.target.value);
            setMoved(next.current);
            void push();
          }} />
        <output for=${id}>${show(shown)}</output>
      </div>
      <${Below} id=${id} message=${message} hint=${hint} />
    </div>`;
}
