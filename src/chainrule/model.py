"""Columns, networks and parameters together: predict raw tables, score, save, load."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule import metrics
from chainrule.cells import did_you_mean
from chainrule.columns import TableSpec
from chainrule.ensemble import Ensemble
from chainrule.errors import BadSetting, BadTable
from chainrule.modelfile import Contents, read_model, write_model
from chainrule.network import Network
from chainrule.summary import Summary

if TYPE_CHECKING:
    from chainrule.course import History
    from chainrule.explaining.derivation import Derivation
    from chainrule.exporting.artefact import Exported


@dataclass(frozen=True, eq=False)
class Model:
    """A trained network with the columns that it was trained on. It takes raw tables.

    Tables are paths of CSV or Parquet files, ``"-"``, or frames of pandas, polars
    and pyarrow; columns are found by name, others are ignored.

    Attributes
    ----------
    ensemble : Ensemble
        The networks, usually several, of which the mean is taken.
    spec : TableSpec
        What is known of the columns and of the target.
    summary : Summary
        Settings, scores on the held-out rows, losses of the epochs.
    """

    ensemble: Ensemble
    spec: TableSpec
    summary: Summary

    def __repr__(self) -> str:
        sizes = "-".join(map(str, self.network.sizes))
        times = f"{len(self.ensemble)} times " if len(self.ensemble) > 1 else ""
        return f"<Model of '{self.spec.target.name}': {times}{sizes}, {self.spec.target.task}>"

    @property
    def network(self) -> Network:
        """The description that all networks share."""
        return self.ensemble.network

    @property
    def parameters(self) -> NDArray[Any]:
        """The parameters of each network, of shape (networks, n_parameters)."""
        return self.ensemble.parameters

    @property
    def histories(self) -> tuple[History, ...]:
        """The losses of the epochs of each network."""
        from chainrule.course import History

        curves = (course.history for course in self.summary.courses)
        return tuple(History(**{name: list(v) for name, v in found.items()}) for found in curves)

    def predict(self, table: Any) -> NDArray[Any]:
        """Return the predicted classes, in the target's own type, or numbers in its units.

        Returns
        -------
        ndarray of shape (n_rows,)
        """
        from chainrule.table import in_target_units, labels

        if self.spec.target.task == "classification":
            return labels(self.spec, self.predict_proba(table).argmax(axis=1))
        return in_target_units(self.spec, self._means(table))

    def predict_interval(
        self, table: Any, coverage: float | None = None
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return bounds between which the target lies with a probability.

        Parameters
        ----------
        table : path or data frame
        coverage : float, optional
            The share of the rows whose target shall lie between them. Default: what
            ``fit(intervals=...)`` was given, else 0.9.

        Returns
        -------
        lower, upper : ndarray of shape (n_rows,)
            Infinite where the training had too few rows for the promise.

        Raises
        ------
        BadSetting
            If the target is a class, or no rows were left to measure errors on.

        Notes
        -----
        The promise is of rows like those of the training, and on average over them.
        ``chainrule.Ensemble.interval`` says how they are made.
        """
        from chainrule.table import in_target_units

        if self.spec.target.task == "classification":
            raise BadSetting(
                f"the target '{self.spec.target.name}' is a class, there are no intervals; "
                "use predict_proba"
            )
        if coverage is None:
            coverage = self.coverage or 0.9
        margin, mean = float(self.ensemble.margin(coverage)[0]), self._means(table)
        lower, upper = (in_target_units(self.spec, mean + d) for d in (-margin, margin))
        return lower, upper

    @property
    def coverage(self) -> Any:
        """What ``fit(intervals=...)`` was given."""
        return self.summary.settings.get("intervals")

    def predict_spread(self, table: Any) -> NDArray[Any]:
        """Return the standard deviation of the networks' predictions, 0 of a single one.

        Returns
        -------
        ndarray of shape (n_rows,) in the target's units, or (n_rows, K) of probabilities
        """
        spread = self.ensemble.spread(self._features(self._read(table)))
        if self.spec.target.task == "classification":
            return np.hstack([spread, spread]) if spread.shape[1] == 1 else spread
        return spread[:, 0].astype(np.float64) * self.spec.target.scale

    def predict_proba(self, table: Any) -> NDArray[Any]:
        """Return the probability of each class.

        Returns
        -------
        ndarray of shape (n_rows, K)
            The columns are ``spec.target.classes``.

        Raises
        ------
        BadSetting
            If the target is a number.
        """
        if self.spec.target.task != "classification":
            raise BadSetting(
                f"the target '{self.spec.target.name}' is a number, there are no probabilities; "
                "use predict"
            )
        return metrics.probabilities(self.ensemble, self._features(self._read(table)))

    def evaluate(self, table: Any, target: str | None = None) -> dict[str, float]:
        """Return the scores on a table. Rows without a target are left out.

        Parameters
        ----------
        table : path or data frame
        target : str, optional
            The column that holds the truth, if it has another name here.

        Returns
        -------
        dict of str to float
            accuracy, log_loss and roc_auc; or rmse, mae and r2, and with intervals the
            share of the rows that they covered, and their width.
        """
        from chainrule.table import target_values
        from chainrule.target import known_rows

        name = self.spec.target.name
        rows = self._read(table, target)
        known = known_rows(rows, name)
        if not known.any():
            raise BadTable(f"no row of {len(known)} has a value in the target column '{name}'")
        rows = rows if known.all() else rows.filter(known)
        values = target_values(self.spec, rows, np.float64)
        return metrics.scores(
            self.ensemble, self.spec.target, self._features(rows), values, self.coverage
        )

    def explain(self, table: Any, row: int = 1, *, member: int = 1, **settings: Any) -> Derivation:
        """Show the mathematics of one step of the network on one row, with its live numbers.

        Parameters
        ----------
        table : path, data frame or mapping
            A mapping of columns to values is one row. Without the target in it, only the
            way forward is shown.
        row : int, default 1
            From 1, without the header.
        member : int, default 1
            Which of the networks.
        **settings
            Keywords of ``chainrule.explain``, such as ``weight="1:2,3"`` or ``most=4``. The
            solver and its settings are those of the training unless they are given.

        Returns
        -------
        Derivation
            The step begins with the trained parameters, and with fresh memories of the
            solver.

        Raises
        ------
        BadTable, BadSetting
            If there is no such row or column, or a setting cannot be used.

        Examples
        --------
        >>> from chainrule import fit
        >>> from chainrule.datasets import penguins
        >>> model = fit(penguins(), "species", epochs=5)
        >>> print(model.explain(penguins(), row=3).to_text().splitlines()[0])
        One step on row 3: species
        """
        from chainrule.explaining.tables import as_rows, explain_row

        return explain_row(self, as_rows(self, table), row, member, **settings)

    def export(
        self,
        to: str,
        path: str | os.PathLike[str] | None = None,
        *,
        name: str | None = None,
        test: bool = True,
        **options: Any,
    ) -> Exported:
        """Write the model in another language: preprocessing, networks, classes, in one file.

        Parameters
        ----------
        to : {"c", "javascript", "onnx", "python", "sql"}
            A C99 header that needs math.h alone; an ES module with its types beside it; a graph
            of standard operators; a Python file that needs the standard library alone; or one
            SELECT. All take raw rows.
        path : path, optional
            Default: the name, with the language's ending, in this folder.
        name : str, optional
            What the names in it begin with. Default: the target's.
        test : bool, default True
            Run it on some rows, where what runs it is at hand, and compare.
        **options
            dialect ("sqlite", "postgresql" or "duckdb") and table, of SQL; inputs ("columns" or
            "tensor"), of ONNX; of C, fixed_point (8 or 16 bits a weight, then without floating
            point) and calibrate, raw rows, best the training's, to fit its formats to.

        Returns
        -------
        Exported
            The files, and the largest difference from the model.

        Raises
        ------
        BadSetting
            If the language or an option is unknown, or it cannot be written.

        Examples
        --------
        >>> import tempfile
        >>> from chainrule import fit
        >>> from chainrule.datasets import penguins
        >>> model = fit(penguins(), "species", epochs=5, hidden_layer_sizes=4, dtype="float64")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     exported = model.export("python", f"{folder}/penguins.py")
        >>> exported.largest < 1e-12
        True
        """
        from chainrule.exporting.artefact import export

        return export(self, to, path, name=name, test=test, **options)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to one ``.safetensors`` file, whole or not at all."""
        write_model(path, Contents(self.ensemble, self.spec, self.summary))

    def _read(self, table: Any, target: str | None = None) -> Any:
        """Read a table as the training's was; with the target, if it is called otherwise here."""
        from chainrule.reading import read_table

        name = self.spec.target.name
        if target is None or target == name:
            return read_table(table, columns=self.spec.kinds)
        kinds = self.spec.kinds
        rows = read_table(table, columns=kinds | {target: kinds[name]})
        if target not in rows.column_names:
            near = did_you_mean(target, rows.column_names)
            raise BadTable(f"there is no column '{target}'; {near}")
        if name in rows.column_names:
            rows = rows.drop_columns([name])
        return rows.rename_columns([name if c == target else c for c in rows.column_names])

    def _features(self, rows: Any) -> NDArray[Any]:
        from chainrule.table import features

        return features(self.spec, rows, self.parameters.dtype)

    def _means(self, table: Any) -> NDArray[np.float64]:
        return self.ensemble.mean(self._features(self._read(table)))[:, 0].astype(np.float64)


def load(path: str | os.PathLike[str]) -> Model:
    """Load a saved model. No code in it is run, and everything in it is checked.

    Raises
    ------
    BadModelFile
        If the file is no model, damaged, or of a version that is not known.

    Examples
    --------
    >>> import tempfile
    >>> from chainrule import fit
    >>> from chainrule.datasets import penguins
    >>> model = fit(penguins(), "species", epochs=5)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(f"{folder}/penguins.safetensors")
    ...     load(f"{folder}/penguins.safetensors")
    <Model of 'species': 5 times 14-128-64-3, classification>
    """
    return Model(*read_model(path))
