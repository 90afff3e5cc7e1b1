// The shapes of what the server sends, for the type checker alone: nothing imports this
// module when the page runs.

/**
 * Numbers of a frame; `shape` says how they are to be read, the last index fastest.
 * @typedef {(Float32Array | Uint8Array | Uint16Array) & {shape: number[]}} Block
 */

/** @typedef {"paused" | "playing" | "ended" | "failed"} Status */

/**
 * @typedef {object} DataSettings
 * @property {string} source  "toy:moons", "shipped:penguins", "table:<name>"
 * @property {number} rows
 * @property {number} noise
 * @property {number} seed
 * @property {number} classes
 * @property {string | null} target
 * @property {string[] | null} columns
 * @property {Record<string, string | null>} kinds  those that were said; in a change null unsays one
 * @property {"classification" | "regression" | null} task
 * @property {number} validation  share of the rows
 */

/**
 * @typedef {object} NetworkSettings
 * @property {"neuron" | null} preset
 * @property {number[]} hidden_layer_sizes
 * @property {string[]} hidden  one activation a layer
 * @property {string | null} loss
 * @property {number | null} loss_parameter
 * @property {string} scheme
 */

/**
 * @typedef {object} TrainingSettings
 * @property {string} solver
 * @property {number | null} learning_rate
 * @property {string} schedule
 * @property {Record<string, number | null>} hyperparameters  those that were said, as kinds
 * @property {number | null} batch_size
 * @property {number} l1
 * @property {number} l2
 * @property {number} dropout
 * @property {number | null} clip_norm
 * @property {number} epochs
 * @property {number | null} patience
 * @property {number | null} stop_loss
 */

/**
 * What determines a run.
 * @typedef {object} Settings
 * @property {DataSettings} data
 * @property {NetworkSettings} network
 * @property {TrainingSettings} training
 * @property {number} seed
 * @property {"float32" | "float64"} dtype
 */

/**
 * A part of the settings; the server merges it, lists and null replace.
 * @typedef {object} Change
 * @property {Partial<DataSettings>} [data]
 * @property {Partial<NetworkSettings>} [network]
 * @property {Partial<TrainingSettings>} [training]
 * @property {number} [seed]
 * @property {"float32" | "float64"} [dtype]
 */

/**
 * @typedef {object} Source
 * @property {string} key
 * @property {string} title
 * @property {string} kind
 * @property {string[]} [targets]
 */

/**
 * @typedef {object} Solver
 * @property {string} name
 * @property {number} learning_rate  its default
 * @property {Record<string, number>} hyperparameters  with their defaults
 */

/** @typedef {{key: string, title: string, text: string, look: string}} Guided */

/**
 * What can be chosen.
 * @typedef {object} Options
 * @property {Source[]} sources
 * @property {string[]} activations
 * @property {string[]} losses
 * @property {Solver[]} solvers
 * @property {string[]} schedules
 * @property {string[]} schemes
 * @property {Guided[]} guided
 * @property {string[]} kinds
 * @property {Record<string, number>} limits
 */

/**
 * @typedef {object} Column
 * @property {string} name
 * @property {string} kind
 * @property {boolean} used
 * @property {string} reason  why it is not used
 * @property {string[]} categories
 * @property {number | null} low
 * @property {number | null} high
 * @property {number | null} mean
 * @property {string | null} usual  the most frequent of its categories
 * @property {boolean} missing
 */

/**
 * The present table as the run reads it.
 * @typedef {object} Table
 * @property {{train: number, validation: number, ignored: number}} rows
 * @property {"classification" | "regression"} task
 * @property {string} target
 * @property {string[]} classes  empty for numbers
 * @property {number | null} target_mean
 * @property {number | null} target_scale
 * @property {Column[]} columns
 * @property {string[]} inputs  names of features, one each network input
 */

/**
 * @typedef {object} Network
 * @property {number[]} sizes  inputs, hidden layers, output
 * @property {string[]} activations
 * @property {string} output
 * @property {string} loss
 * @property {string} [loss_symbol]
 * @property {number} n_parameters
 * @property {number[]} starts
 */

/**
 * @typedef {object} SurfaceHead
 * @property {string} x
 * @property {string} y
 * @property {[number, number]} x_range
 * @property {[number, number]} y_range
 * @property {"number" | "binary" | "classes"} kind
 * @property {[number, number]} range  in units of the target
 */

/** @typedef {Record<string, number | null>} Scores */

/**
 * @typedef {object} Metrics
 * @property {Scores} train
 * @property {Scores | null} validation
 * @property {number} step
 * @property {{train: number, validation: number}} [rows]  that are scored: all, or some of many
 * @property {{classes: string[], train: number[][], validation: number[][] | null} | null} confusion
 */

/**
 * @typedef {object} Histogram
 * @property {number} layer
 * @property {"weights" | "activations" | "gradients"} what
 * @property {number} low
 * @property {number} high
 * @property {number[]} counts
 */

/** @typedef {{layer: number, neuron: number, what: "dead" | "saturated", text: string}} Ill */

/**
 * A run that was kept.
 * @typedef {object} Snapshot
 * @property {string | number} id
 * @property {string} name
 * @property {number} step
 * @property {number} epoch
 * @property {number | null} loss
 * @property {number | null} validation_loss
 * @property {Record<string, any>} scores
 * @property {string} settings
 */

/**
 * A piece of what is worked out: text as it is, mathematics, or a slot.
 * @typedef {string | {latex: string, said: string} | {slot: number}} WorkedPiece
 */

/**
 * One line of the worked step. A slot is `\text{@k@}` in `latex`, and `@k@` in `said`, which
 * is how it is read out. No text from a table is in either.
 * @typedef {object} WorkedLine
 * @property {string} latex
 * @property {string} said
 * @property {string | null} equation  its number in the source document
 * @property {number} [slot]  of its value
 * @property {WorkedPiece} [note]
 * @property {number} [check]  the slot of the finite difference
 * @property {number} [mark]  the slot of a tick, or of a sign that they differ
 */

/**
 * @typedef {object} WorkedPart
 * @property {WorkedPiece[]} [words]
 * @property {WorkedLine[]} [lines]
 * @property {{heads: WorkedPiece[], rows: WorkedPiece[][], wordy: boolean[]}} [table]
 */

/** @typedef {{title: string, parts: WorkedPart[]}} WorkedSection */
/** @typedef {{title: string, sections: WorkedSection[]}} WorkedTemplate */

/**
 * @typedef {object} Worked
 * @property {string} key
 * @property {WorkedTemplate | null} template  null where the page has it already
 * @property {string[]} numbers  the texts of the slots
 * @property {number} step
 * @property {"train" | "validation"} part
 * @property {number} row  from 0
 * @property {number} of  how many rows the part has
 * @property {number} next  a training row that the next step takes
 * @property {Record<string, string>} raw
 */

/**
 * The head of a frame. What the server sends only when it is new (settings, options, table,
 * network, points) or for a view stays from the frame before.
 * @typedef {object} Head
 * @property {number} frame
 * @property {Status} status
 * @property {string} why
 * @property {number} step
 * @property {number} epoch
 * @property {number} steps_per_epoch
 * @property {number} batch_in_epoch
 * @property {number | null} samples_per_second
 * @property {number | null} engine_share
 * @property {number | null} loss
 * @property {number | null} validation_loss
 * @property {number} learning_rate
 * @property {number} settings_revision
 * @property {number} run
 * @property {boolean} exact
 * @property {number | null} speed
 * @property {Snapshot[]} snapshots
 * @property {Settings} settings
 * @property {Options} options
 * @property {Table} table
 * @property {Network} network
 * @property {SurfaceHead} [surface]
 * @property {SurfaceHead} [surface_compared]
 * @property {{count: number, of: string[]}} [points]
 * @property {{neurons: [number, number][], ranges: [number, number][], size: number}} [maps]
 * @property {Metrics} [metrics]
 * @property {Histogram[]} [histograms]
 * @property {Ill[]} [ill]
 * @property {Worked} [worked]
 * @property {{name: string, type: string, shape: number[], offset: number}[]} blocks
 */

/**
 * What this tab looks at. A panel sets its own part, and takes it back when it is closed.
 * @typedef {object} View
 * @property {{x: string, y: string, held: Record<string, number | string>, size: number} | null} surface
 * @property {boolean} maps
 * @property {string | number | null} compare
 * @property {boolean} metrics
 * @property {boolean} histograms
 * @property {{part: "train" | "validation", row: number, weight: [number, number, number] | null,
 *   neuron: [number, number] | null} | null} worked
 * @property {boolean} hidden_tab
 */

/** @typedef {{ok: boolean, error?: string, where?: string | null} & Record<string, any>} Reply */

export {};
