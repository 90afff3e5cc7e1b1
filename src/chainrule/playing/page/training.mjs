// How the network is trained: the solver, its parameters, penalties, and when it stops.

import { html } from "./vendor/vendor.mjs";
import { Choice, NumberField, Slider } from "./fields.mjs";
import { change, options, settings } from "./store.mjs";
import { count, words } from "./words.mjs";

/** @import {TrainingSettings} from "./types.mjs" */

/** @param {Partial<TrainingSettings>} part */
function set(part) {
  return change({ training: part });
}

/**
 * The next of 1, 3, 10, 30 ... times a power of ten.
 * @param {number} value
 * @param {1 | -1} way
 */
function alongDecades(value, way) {
  const at = 2 * Math.log10(value);
  const next = way > 0 ? Math.floor(at + 1.02) : Math.ceil(at - 1.02);
  return Number(((next % 2 === 0 ? 1 : 3) * 10 ** Math.floor(next / 2)).toPrecision(1));
}

/** @param {number} from  where a penalty of nothing goes on to */
function penalty(from) {
  /** @type {(value: number, way: 1 | -1) => number} */
  return (value, way) => {
    if (value <= 0) return way > 0 ? from : 0;
    return way < 0 && value <= from ? 0 : alongDecades(value, way);
  };
}

function Solver() {
  const { training } = settings.value;
  const { solvers, schedules } = options.value;
  const solver = solvers.find(({ name }) => name === training.solver);
  const rate = solver?.learning_rate ?? 0.01;
  return html`
    <div class="fields">
      <${Choice} label="Solver" where="training.solver" value=${training.solver}
        choices=${solvers.map(({ name }) => [name, words(name)])}
        set=${(/** @type {string} */ name) => set({ solver: name })} />
      <${NumberField} label="Learning rate" where="training.learning_rate"
        value=${training.learning_rate} none=${String(rate)}
        nudge=${(/** @type {number | null} */ value, /** @type {1 | -1} */ way) =>
          alongDecades(value ?? rate, way)}
        set=${(/** @type {number | null} */ value) => set({ learning_rate: value })} />
      <${Choice} label="Schedule" where="training.schedule" value=${training.schedule}
        choices=${schedules.map((name) => [name, words(name)])}
        set=${(/** @type {string} */ schedule) => set({ schedule })} />
      ${Object.entries(solver?.hyperparameters ?? {}).map(([name, usual]) => html`
        <${NumberField} key=${name} label=${words(name)} where=${`training.hyperparameters.${name}`}
          value=${training.hyperparameters[name] ?? null} none=${String(usual)}
          set=${(/** @type {number | null} */ value) => change(
            { training: { hyperparameters: { [name]: value } } },
            `training.hyperparameters.${name}`)} />`)}
      <${NumberField} label="Batch size" where="training.batch_size" value=${training.batch_size}
        none="all rows"
        nudge=${(/** @type {number | null} */ size, /** @type {1 | -1} */ way) =>
          Math.max(1, way > 0 ? 2 * (size ?? 16) : Math.floor((size ?? 64) / 2))}
        set=${(/** @type {number | null} */ value) => set({ batch_size: value })} />
    </div>`;
}

function Penalties() {
  const { training } = settings.value;
  return html`
    <fieldset>
      <legend>Against overfitting</legend>
      <div class="fields">
        <${NumberField} label="L2 penalty" where="training.l2" value=${training.l2}
          nudge=${penalty(0.0001)} set=${(/** @type {number} */ l2) => set({ l2 })} />
        <${NumberField} label="L1 penalty" where="training.l1" value=${training.l1}
          nudge=${penalty(0.0001)} set=${(/** @type {number} */ l1) => set({ l1 })} />
        <${Slider} label="Dropout" where="training.dropout" value=${training.dropout}
          min=${0} max=${0.9} step=${0.05}
          show=${(/** @type {number} */ share) => `${Math.round(100 * share)} %`}
          set=${(/** @type {number} */ dropout) => set({ dropout })} />
        <${NumberField} label="Gradient at most" where="training.clip_norm"
          value=${training.clip_norm} none="no limit"
          set=${(/** @type {number | null} */ value) => set({ clip_norm: value })} />
      </div>
    </fieldset>`;
}

function Stop() {
  const { training } = settings.value;
  return html`
    <fieldset>
      <legend>Stop</legend>
      <div class="fields">
        <${NumberField} label="After epochs" where="training.epochs" value=${training.epochs}
          nudge=${(/** @type {number} */ epochs, /** @type {1 | -1} */ way) =>
            Math.max(1, way > 0 ? 2 * epochs : Math.floor(epochs / 2))}
          set=${(/** @type {number} */ epochs) => set({ epochs })} />
        <${NumberField} label="When loss is below" where="training.stop_loss"
          value=${training.stop_loss} none="never"
          set=${(/** @type {number | null} */ value) => set({ stop_loss: value })} />
        <${NumberField} label="Without progress for" where="training.patience"
          value=${training.patience} none="never"
          hint=${training.patience === null ? undefined
            : `${count(training.patience)} epochs in which the loss does not fall`}
          set=${(/** @type {number | null} */ value) => set({ patience: value })} />
      </div>
    </fieldset>`;
}

/** The panel. */
export function Training() {
  return html`
    <div class="stack">
      <${Solver} />
      <${Penalties} />
      <${Stop} />
    </div>`;
}
