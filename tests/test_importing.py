"""Networks of scikit-learn, of files and of bare weights: the same predictions, or a refusal."""

import json
import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)

import chainrule
from chainrule import BadSetting, BadSource, BadTable, Network, cli, forward, import_model
from chainrule.columns import Column, Target
from chainrule.importing.inputs import MISSING, Feature, columns_for
from chainrule.network import HIDDEN
from tolerances import IMPORTED

ELSEWHERE = Path(__file__).parent / "golden" / "elsewhere"
TYPES = (np.float64, np.float32)
RANDOM = np.random.default_rng(5)
X = RANDOM.normal(3.0, 2.0, (120, 4))
NUMBER = X[:, 0] * X[:, 1] - X[:, 2]
TWO = np.where(NUMBER > 0, "yes", "no")
THREE = np.digitize(NUMBER, [-1, 4])
CLASSIFIERS = (MLPClassifier, chainrule.MLPClassifier)
REGRESSORS = (MLPRegressor, chainrule.MLPRegressor)


@pytest.fixture(autouse=True)
def drawn_anew():
    """Give each test the same numbers, whichever ran before it."""
    RANDOM.bit_generator.state = np.random.default_rng(3).bit_generator.state


def fitted(estimator, *data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(*data)


def classifier(**more):
    return MLPClassifier(**{"hidden_layer_sizes": (6, 3), "max_iter": 15, "random_state": 1} | more)


def regressor(**more):
    return MLPRegressor(**{"hidden_layer_sizes": (6,), "max_iter": 15, "random_state": 1} | more)


def frame(rows):
    return pd.DataFrame(rows, columns=[f"x{i + 1}" for i in range(rows.shape[1])])


def assert_same(model, estimator, rows, table=None, dtype=np.float64, tmp_path=None):
    """Compare predictions, before and after a saving."""
    table = frame(rows) if table is None else table
    if tmp_path is not None:
        model.save(tmp_path / "m.safetensors")
        model = chainrule.load(tmp_path / "m.safetensors")
    found, expected = model.predict(table), estimator.predict(rows)
    if model.spec.target.task == "classification":
        assert (found == expected).all()
        assert found.dtype.kind == expected.dtype.kind
        found, expected = model.predict_proba(table), estimator.predict_proba(rows)
    error = np.abs(found - expected) / np.maximum(1.0, np.abs(expected))
    assert error.max() <= IMPORTED[dtype]


# scikit-learn's networks


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("make", CLASSIFIERS)
def test_classifiers(make, activation, dtype, tmp_path):
    rows = X.astype(dtype)
    for labels in (TWO, THREE, THREE == 1, THREE * 0.5):
        network = make((6, 3), activation, max_iter=15, random_state=1)
        if labels.dtype.kind == "f":
            labels = np.where(labels > 0, 1.0, -1.0)  # whole numbers, though floats
        fitted(network, rows, labels)
        model = import_model(network)
        assert model.parameters.dtype == dtype
        assert_same(model, network, rows, dtype=dtype, tmp_path=tmp_path)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("make", REGRESSORS)
def test_regressors(make, activation, dtype, tmp_path):
    rows = X.astype(dtype)
    network = make(hidden_layer_sizes=(6, 3), activation=activation, max_iter=15, random_state=1)
    fitted(network, rows, NUMBER.astype(dtype))
    assert_same(import_model(network), network, rows, dtype=dtype, tmp_path=tmp_path)


@pytest.mark.parametrize("make", REGRESSORS)
def test_counts_and_networks_without_hidden_layers(make, tmp_path):
    counts = np.abs(NUMBER.round())
    network = fitted(make(loss="poisson", max_iter=20, random_state=1), X, counts)
    model = import_model(network)
    assert (model.network.output, model.network.loss) == ("exp", "poisson")
    assert_same(model, network, X, tmp_path=tmp_path)
    plain = fitted(make(hidden_layer_sizes=(), max_iter=20, random_state=1), X, NUMBER)
    assert import_model(plain).network.sizes == (4, 1)
    assert_same(import_model(plain), plain, X, tmp_path=tmp_path)


def test_own_activations_losses_and_frames(tmp_path):
    def bump(z):
        a = exp(-z * z)  # noqa: F821
        slope = -2.0 * z * a
        return a, slope

    network = chainrule.MLPRegressor(
        loss="huber", loss_parameter=2.0, hidden_layer_sizes=(5, 4), activation=["gelu", bump],
        max_iter=15, random_state=1,
    )  # fmt: skip
    model = import_model(fitted(network, X, NUMBER))
    assert (model.network.loss, model.network.loss_parameter) == ("huber", 2.0)
    assert_same(model, network, X, tmp_path=tmp_path)
    table = pd.DataFrame({"n": X[:, 0], "c": np.where(X[:, 1] > 3, "u", "v"), "z": X[:, 2]})
    table.loc[::7, ["n", "c"]] = None
    network = chainrule.MLPClassifier((5,), categorical_features="from_dtype", max_iter=15)
    fitted(network, table, THREE)
    model = import_model(network, target="y")
    assert [column.kind for column in model.spec.columns] == ["numeric", "categorical", "numeric"]
    assert_same(model, network, table, table, tmp_path=tmp_path)
    pipeline = make_pipeline(StandardScaler(), chainrule.MLPClassifier((5,), "silu", max_iter=15))
    model = import_model(fitted(pipeline, X, TWO))
    assert_same(model, pipeline, X, tmp_path=tmp_path)
    search = GridSearchCV(classifier(max_iter=3), {"alpha": [0.1]}, cv=2)
    with pytest.raises(BadSource, match="give its best_estimator_"):
        import_model(fitted(search, X, TWO))


# what stands before the network


@pytest.mark.parametrize(
    "scaler",
    [
        StandardScaler(), StandardScaler(with_mean=False), StandardScaler(with_std=False),
        MinMaxScaler(), MinMaxScaler((-3, 5)), MaxAbsScaler(), RobustScaler(),
        RobustScaler(with_centering=False), RobustScaler(with_scaling=False), "passthrough",
        FunctionTransformer(), make_pipeline(MinMaxScaler(), StandardScaler()),
    ],
    ids=str,
)  # fmt: skip
def test_scalers(scaler, tmp_path):
    pipeline = fitted(make_pipeline(scaler, classifier()), X, THREE)
    model = import_model(pipeline)
    assert_same(model, pipeline, X, tmp_path=tmp_path)
    far = 50.0 * RANDOM.normal(size=(50, 4))
    assert_same(model, pipeline, far)


def mixed(n=200):
    """A table with everything: numbers with holes, categories of several types, a spare."""
    table = pd.DataFrame(
        {
            "mass": RANDOM.normal(4000, 800, n),
            "length": RANDOM.normal(40, 5, n),
            "island": RANDOM.choice(["Biscoe", "Dream", "Torgersen"], n),
            "year": RANDOM.choice([2007, 2008, 2009], n),
            "spare": np.arange(n),
            "sex": pd.Series(RANDOM.choice(["f", "m"], n), dtype=object),
            "flag": RANDOM.choice([True, False], n),
        }
    )
    table.loc[::9, "mass"] = np.nan
    table.loc[::11, "sex"] = np.nan
    return table, table["mass"].fillna(3000) / 1000 + (table["island"] == "Dream")


def preprocessor(drop=None, indicator=True, strategy="median"):
    numbers = make_pipeline(
        SimpleImputer(strategy=strategy, fill_value=3500.0 if strategy == "constant" else None,
                      add_indicator=indicator), StandardScaler(),
    )  # fmt: skip
    sex = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(drop=drop))
    return ColumnTransformer(
        [
            ("numbers", numbers, ["mass", "length"]),
            ("words", OneHotEncoder(handle_unknown="ignore", drop=drop), ["island", "year"]),
            ("sex", sex, ["sex"]),
            ("again", MinMaxScaler(), slice("length", "length")),
            ("flag", "passthrough", [6]),
        ],
        remainder="drop",
    )


@pytest.mark.parametrize("after", ["passthrough", StandardScaler()], ids=["", "scaled"])
@pytest.mark.parametrize("drop", [None, "first", "if_binary"])
@pytest.mark.parametrize("strategy", ["mean", "median", "constant", "most_frequent"])
def test_tables(strategy, drop, after, tmp_path):
    table, y = mixed()
    pipeline = Pipeline(
        [("prepare", preprocessor(drop, strategy=strategy)), ("after", after), ("net", regressor())]
    )
    fitted(pipeline, table, y)
    model = import_model(pipeline, target="price")
    kinds = {column.name: column.kind for column in model.spec.columns}
    assert kinds["island"] == kinds["year"] == kinds["sex"] == "categorical"
    assert (kinds["mass"], kinds["flag"], kinds["spare"]) == ("numeric", "numeric", "dropped")
    assert_same(model, pipeline, table, table, tmp_path=tmp_path)
    assert import_model(pipeline, target="spare").spec.target.name == "spare"  # in no use before
    other = table.assign(island=["Elsewhere"] * len(table))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Found unknown categories")
        assert_same(model, pipeline, other, other.drop(columns="spare"))


def test_categories_that_may_be_missing(tmp_path):
    table, y = mixed()
    encoded = ColumnTransformer([("sex", OneHotEncoder(), ["sex"])], remainder=MaxAbsScaler())
    few = table[["length", "sex"]]
    pipeline = fitted(make_pipeline(encoded, classifier(max_iter=40)), few, y > 5)
    model = import_model(pipeline, target="large")
    sex = model.spec.columns[1]
    assert (sex.categories, sex.missing) == (("f", "m"), True)
    assert_same(model, pipeline, few, few, tmp_path=tmp_path)


def test_what_is_missing_after_a_scaling(tmp_path):
    rows = X.copy()
    rows[::6, 1] = np.nan
    filled = make_pipeline(StandardScaler(), SimpleImputer(strategy="constant", fill_value=2.5))
    pipeline = fitted(make_pipeline(filled, MinMaxScaler(), classifier()), rows, THREE)
    model = import_model(pipeline)
    assert model.spec.columns[1].fill == pytest.approx(
        np.nanmean(rows[:, 1]) + 2.5 * np.nanstd(rows[:, 1])
    )
    assert_same(model, pipeline, rows, tmp_path=tmp_path)


def test_targets_that_are_scaled(tmp_path):
    whole, scaled = make_pipeline(MinMaxScaler(), regressor()), TransformedTargetRegressor
    for network in (
        scaled(whole, transformer=StandardScaler()),
        make_pipeline(StandardScaler(), scaled(regressor(), transformer=RobustScaler())),
        scaled(regressor()),
    ):
        fitted(network, X, 1000 + 50 * NUMBER)
        model = import_model(network, target="price", inputs=["a", "b", "c", "d"])
        assert_same(model, network, X, pd.DataFrame(X, columns=[*"abcd"]), tmp_path=tmp_path)
    assert model.spec.target.scale == 1.0


def test_a_column_in_several_forms_becomes_one():
    W, b = RANDOM.normal(size=(4, 3)), RANDOM.normal(size=3)
    features = [
        Feature("x", mean=1.0, scale=-2.0, fill=7.0),
        Feature("x", frozenset({MISSING}), mean=0.2, scale=0.4),
        Feature("x", mean=-3.0, scale=0.5),
        Feature("c", frozenset({"u", MISSING}), mean=0.1, scale=3.0, known=("u", "v")),
    ]
    columns, W1, b1 = columns_for(features, ["x", "c", "z"], W, b, "")
    assert [column.width for column in columns] == [2, 3, 0]
    for x, c in ((5.0, "u"), (None, "v"), (0.0, None)):
        number = 7.0 if x is None else x
        given = np.array(
            [(number - 1) / -2, ((x is None) - 0.2) / 0.4, (number + 3) / 0.5,
             ((c in ("u", None)) - 0.1) / 3]
        )  # fmt: skip
        own = np.array([(number - 1) / 2, x is None, c == "u", c == "v", c is None], float)
        assert np.allclose(own @ W1 + b1, given @ W + b, rtol=0, atol=1e-12)


# what is refused, by its name

PIPED = {
    "PCA": make_pipeline(PCA(2), classifier()),
    "FeatureUnion": make_pipeline(FeatureUnion([("s", StandardScaler())]), classifier()),
    "clip=True": make_pipeline(MinMaxScaler(clip=True), classifier()),
    "runs a function": make_pipeline(FunctionTransformer(np.sin), classifier()),
    "LogisticRegression": make_pipeline(StandardScaler(), LogisticRegression()),
    "KMeans": KMeans(2, n_init=1),
}


@pytest.mark.parametrize("name", PIPED)
def test_other_estimators_are_refused(name):
    estimator = fitted(PIPED[name], X, THREE)
    with pytest.raises(BadSource, match=name):
        import_model(estimator)


def test_other_preprocessing_is_refused():
    table, y = mixed()
    words, few = table[["island"]], table[["length", "sex"]]
    for step, data, match in (
        (OrdinalEncoder(), words, "step 'a' \\(OrdinalEncoder\\)"),
        (OneHotEncoder(min_frequency=0.9), words, "rare categories"),
        (OneHotEncoder(), table[["mass"]].assign(m=table.mass.isna())[["m"]], None),
    ):
        pipeline = fitted(Pipeline([("a", step), ("net", classifier())]), data, y > 5)
        if match:
            with pytest.raises(BadSource, match=match):
                import_model(pipeline)
    weighted = ColumnTransformer([("n", "passthrough", ["length"])], transformer_weights={"n": 2.0})
    with pytest.raises(BadSource, match="transformer_weights"):
        import_model(fitted(make_pipeline(weighted, classifier()), few, y > 5))
    both = ColumnTransformer([("n", "passthrough", ["year"]), ("c", OneHotEncoder(), ["year"])])
    with pytest.raises(BadSource, match="'year' the network gets both a number and categories"):
        import_model(fitted(make_pipeline(both, classifier()), table, y > 5))
    late = make_pipeline(StandardScaler(), OneHotEncoder(handle_unknown="ignore"), classifier())
    with pytest.raises(BadSource, match="after it was scaled"):
        import_model(fitted(late, table[["year"]], y > 5))


def test_several_targets_are_refused():
    with pytest.raises(BadSource, match="2 outputs"):
        import_model(fitted(regressor(), X, X[:, :2]))
    with pytest.raises(BadSource, match=r"3 sigmoid outputs.*several targets"):
        import_model(fitted(classifier(), X, np.eye(3, dtype=int)[THREE]))
    transformed = TransformedTargetRegressor(regressor(), func=np.log1p, inverse_func=np.expm1)
    with pytest.raises(BadSource, match=r"FunctionTransformer.*function"):
        import_model(fitted(transformed, X, np.abs(NUMBER)))


@pytest.mark.parametrize(
    "source", [classifier(), make_pipeline(StandardScaler(), classifier()),
               TransformedTargetRegressor(regressor())], ids=str,
)  # fmt: skip
def test_what_is_not_fitted_is_refused(source):
    with pytest.raises(BadSource, match="not fitted"):
        import_model(source)


@pytest.mark.parametrize("source", [42, None, [1, 2], MLPClassifier, object()], ids=str)
def test_what_is_no_network_is_refused(source):
    with pytest.raises(BadSource):
        import_model(source)


def test_settings_that_do_not_fit_are_refused():
    network = fitted(classifier(), X, THREE)
    for settings, match in (
        ({"inputs": ["a", "b"]}, "names 2 columns, and there are 4"),
        ({"inputs": ["a", "b", "c", "a"]}, "'a' is the name of two columns"),
        ({"target": "x1"}, "'x1' is the name of two columns"),
        ({"classes": ["u", "v"]}, "classes names 2, and the network tells 3 apart"),
        ({"classes": ["u", "v", "u"]}, "a class twice"),
        ({"classes": ["u", "v", ""]}, "an empty one"),
        ({"inputs": "abcd"}, "give a list of names"),
        ({"classes": "uvw"}, "give a list of names"),
        ({"inputs": StandardScaler()}, "names of its columns"),
        ({"inputs": [Column("n", "numeric")] * 4}, "names of its columns"),
        ({"hidden": "relu"}, "hidden"),
        ({"output": "softmax"}, "output"),
    ):
        with pytest.raises((BadSetting, BadSource), match=match):
            import_model(network, **settings)
    with pytest.raises(BadSetting, match="classes were given"):
        import_model(fitted(regressor(), X, NUMBER), classes=["u", "v"])


# what an imported model can do


def test_a_model_says_where_it_is_from_and_explains_itself():
    table, y = mixed()
    pipeline = fitted(make_pipeline(preprocessor(), regressor(solver="sgd")), table, y)
    model = import_model(pipeline, target="price")
    assert "ColumnTransformer → MLPRegressor" in model.summary.settings["imported_from"]
    text = " ".join(model.explain(table.assign(price=y), row=3).to_text().split())
    assert "trained elsewhere: scikit-learn" in text
    assert "The update, by nesterov" in text
    assert "were drawn" not in text
    assert model.histories == ()
    scores = model.evaluate(table.assign(cost=y), "cost")
    found = pipeline.predict(table)
    assert scores["mae"] == pytest.approx(np.abs(found - y).mean(), rel=1e-9)
    with pytest.raises(BadSetting, match="interval"):
        model.predict_interval(table)
    with pytest.raises(BadTable, match="'mass' is absent"):
        model.predict(table.drop(columns="mass"))


def test_every_solver_of_scikit_learn_is_explained():
    for solver in ("adam", "sgd", "lbfgs"):
        model = import_model(fitted(classifier(solver=solver), X, TWO), target="y")
        assert "loss" in model.explain(frame(X).assign(y=TWO), row=1).to_text().lower()


# weights alone


def weights(sizes, dtype=np.float64):
    arrays = {}
    for l, (i, o) in enumerate(pairwise(sizes)):
        arrays[f"{2 * l}.weight"] = RANDOM.normal(size=(o, i)).astype(dtype)
        arrays[f"{2 * l}.bias"] = RANDOM.normal(size=o).astype(dtype)
    return arrays


def flat(arrays):
    names = sorted(arrays, key=lambda name: (int(name.split(".")[0]), name.endswith("bias")))
    return np.concatenate([arrays[name].T.ravel() for name in names])


@pytest.mark.parametrize("hidden", HIDDEN)
def test_weights_with_every_activation(hidden, tmp_path):
    sizes = (4, *[3] * 11, 2)  # layer 10 comes after layer 2
    arrays = weights(sizes)
    save_file(arrays, tmp_path / "w.safetensors")
    model = import_model(tmp_path / "w.safetensors", hidden=hidden, output="softmax")
    network = Network(sizes, hidden, "softmax", "cross_entropy")
    assert np.array_equal(model.predict_proba(frame(X)), forward(network, flat(arrays), X))
    assert import_model(arrays, hidden=[hidden] * 11, output="softmax").network == model.network


def test_columns_and_targets_of_ones_own():
    arrays = weights((3, 1))
    number = Column("n", "numeric", mean=3.0, scale=2.0)
    columns = [number, Column("c", "categorical", categories=("u", "v"))]
    target = Target("y", "regression", mean=5.0, scale=10.0)
    model = import_model(arrays, inputs=columns, target=target)
    w, b = arrays["0.weight"][0], arrays["0.bias"][0]
    found = model.predict(pd.DataFrame({"n": [5.0], "c": ["v"]}))
    assert found[0] == pytest.approx(5 + 10 * (w[0] + w[2] + b), rel=1e-14)
    share = import_model(arrays, target=Target("y", "regression"), output="sigmoid")
    assert (share.spec.target.task, share.network.loss) == ("regression", "half_squared_error")
    with pytest.raises(BadSetting, match="does not fit"):
        import_model(arrays, target=Target("y", "classification", ("a", "b", "c")))
    scaler = StandardScaler().fit(frame(X[:, :3]))
    scaled = import_model(arrays, inputs=scaler)
    assert scaled.spec.columns[0].reason == "StandardScaler"
    assert scaled.predict(frame(X)) == pytest.approx(scaler.transform(frame(X[:, :3])) @ w + b)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"0.weight": None}, "'0' has a bias and no weight"),
        ({"1.running_mean": np.ones(5)}, "'1.running_mean'"),
        ({"1.weight": np.ones(5)}, "'1.weight'"),
        ({"2.weight": np.ones((2, 9))}, "takes 9 numbers, and the layer before gives 5"),
        ({"2.bias": np.ones(3)}, "no layer's"),
        ({"0.weight": np.ones((5, 4), np.float16)}, "float16"),
        ({"0.bias": np.full(5, np.nan)}, "not finite"),
        ({"head.weight": np.ones((2, 5))}, "do not tell the order"),
    ],
)
def test_bad_weights(change, match):
    arrays = {name: a for name, a in (weights((4, 5, 2)) | change).items() if a is not None}
    with pytest.raises(BadSource, match=match):
        import_model(arrays, hidden="relu", output="softmax")


def test_weights_need_their_activations(tmp_path):
    arrays = weights((4, 5, 2))
    with pytest.raises(BadSetting, match="give hidden='relu'"):
        import_model(arrays)
    with pytest.raises(BadSetting, match="names 2 activations, and there are 1"):
        import_model(arrays, hidden=["relu", "tanh"])
    with pytest.raises(BadSource, match=r"2 outputs.*output='softmax'"):
        import_model(arrays, hidden="relu")
    with pytest.raises(BadSetting, match="is not one of"):
        import_model(arrays, hidden="relu", output="argmax")
    with pytest.raises(BadSetting, match="hidden"):
        import_model(arrays, hidden="argmax", output="softmax")


def test_hostile_weights(tmp_path):
    path = tmp_path / "w.safetensors"
    save_file(weights((4, 5, 2)), path)
    whole = path.read_bytes()
    for length in range(0, len(whole), 37):
        path.write_bytes(whole[:length])
        with pytest.raises(BadSource, match="damaged"):
            import_model(path, hidden="relu", output="softmax")
    path.write_bytes((1 << 62).to_bytes(8, "little") + whole[8:])
    with pytest.raises(BadSource, match="damaged"):
        import_model(path, hidden="relu", output="softmax")


# files that others made


@pytest.mark.parametrize("name", sorted(p.name for p in ELSEWHERE.glob("*.[ok][ne]*")))
def test_files_of_others(name, tmp_path):
    pytest.importorskip("onnx" if name.endswith("onnx") else "h5py")
    expected = json.loads((ELSEWHERE / "expected.json").read_text())
    rows = np.array(expected["X"])
    output = "softmax" if name.startswith("torch") else None
    model = import_model(ELSEWHERE / name, output=output, target="kind")
    model.save(tmp_path / "m.safetensors")
    model = chainrule.load(tmp_path / "m.safetensors")
    table = frame(rows)
    number = model.spec.target.task == "regression"
    found = model.predict(table)[:, None] if number else model.predict_proba(table)
    truth = np.array(expected[name])
    assert found.shape == truth.shape
    assert (np.abs(found - truth) / np.maximum(1.0, np.abs(truth))).max() <= IMPORTED[np.float32]
    if name == "two.onnx":
        assert set(model.predict(table)) <= {"no", "yes"}


@pytest.mark.parametrize("inputs", ["columns", "tensor"])
def test_exports_come_back(inputs, tmp_path):
    pytest.importorskip("onnx")
    table = frame(X)
    table.loc[::5, "x2"] = np.nan
    before = make_pipeline(SimpleImputer(), StandardScaler())
    for network, y in ((classifier(), TWO), (classifier(), THREE), (regressor(), NUMBER)):
        pipeline = fitted(make_pipeline(before, network), table, y)
        model = import_model(pipeline)
        model.export("onnx", tmp_path / "m.onnx", inputs=inputs, test=False)
        assert_same(import_model(tmp_path / "m.onnx"), pipeline, table, table)


# the command


@pytest.fixture
def run(capfdbinary, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def command(*arguments):
        with pytest.raises(SystemExit) as caught:
            cli.main([str(argument) for argument in arguments])
        out, err = capfdbinary.readouterr()
        return caught.value.code, out.decode(), err.decode()

    return command


def test_the_command(run):
    save_file(weights((2, 5, 1), np.float32), "w.safetensors")
    status, out, err = run(
        "import", "w.safetensors", "--hidden", "tanh", "--output", "sigmoid", "--inputs", "a,b",
        "--target", "sold", "--classes", "no,yes", "-o", "m.safetensors",
    )  # fmt: skip
    assert (status, err) == (0, "")
    assert "2 inputs → 5 tanh → 1 sigmoid" in out
    assert "Saved m.safetensors" in out
    status, out, _ = run("show", "m.safetensors")
    assert "m.safetensors, imported by chainrule" in out
    assert "elsewhere; the weights in w.safetensors" in out
    assert "Settings" not in out
    Path("t.csv").write_text("a,b,sold\n1,2,no\n3,-1,yes\n")
    assert run("predict", "m.safetensors", "t.csv")[0] == 0
    assert "accuracy" in run("evaluate", "m.safetensors", "t.csv")[1]
    assert "trained elsewhere" in " ".join(run("explain", "m.safetensors", "t.csv")[1].split())
    options = ("--hidden", "relu", "--json", "-o", "j.safetensors")
    status, out, _ = run("import", "w.safetensors", *options)
    assert "w.safetensors" in json.loads(out)["settings"]["imported_from"]


@pytest.mark.parametrize(
    ("name", "options", "match"),
    [
        ("net.pt", (), "torch.load('net.pt'"),
        ("net.pkl", (), "joblib.load('net.pkl')"),
        ("net.joblib", (), "runs code when it is loaded"),
        ("net.h5", (), "older Keras"),
        ("net.txt", (), "no known kind"),
        ("none.onnx", (), "is not there"),
        ("w.safetensors", (), "--hidden 'relu'"),
        ("w.safetensors", ("--hidden", "relu"), "not overwritten"),
        (
            "w.safetensors",
            ("--hidden", "relu", "-o", "m.safetensors", "--classes", "a,b"),
            "--output",
        ),
        ("w.safetensors", ("--hidden", "relu", "-o", "no/m.safetensors"), "no folder"),
        (
            "m.safetensors",
            ("--hidden", "relu", "-o", "n.safetensors"),
            "a model of chainrule already",
        ),
    ],
)
def test_bad_input_of_the_command(run, name, options, match):
    save_file(weights((2, 5, 1)), "w.safetensors")
    import_model(weights((2, 5, 1)), hidden="relu").save("m.safetensors")
    if not name.startswith("none"):
        Path(name).touch()
    given = ("-o", "out.safetensors") if not options else ()
    status, out, err = run("import", name, *options, *given)
    assert (status, out) == (2, "")
    assert match in err
    assert "Traceback" not in err
