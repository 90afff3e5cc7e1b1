"""The mistakes that are put into learners' programs, and the networks they are put into."""

from formulas_of_learners import ERRORS, OF_OUTPUT, SLOPES
from learners import Plan, Slip, error, names, slope

PLANS = (
    Plan("neuron", (3, 1), ("sigmoid",), "half_squared_error"),
    Plan("one hidden", (3, 4, 1), ("tanh", "sigmoid"), "binary_cross_entropy", l2=True),
    Plan("two outputs", (4, 3, 2), ("relu", "identity"), "half_squared_error", l2=True),
    Plan("classes", (3, 4, 3), ("sigmoid", "softmax"), "cross_entropy"),
    Plan("two hidden", (3, 4, 4, 2), ("leaky_relu", "elu", "tanh"), "huber"),
    Plan(
        "three hidden", (4, 3, 3, 3, 1), ("softplus", "silu", "gelu", "identity"), "absolute_error"
    ),
    Plan("counts", (2, 4, 2), ("selu", "exp"), "poisson"),
    Plan("quantiles", (3, 5, 4, 2), ("softsign", "sigmoid", "softplus"), "quantile"),
)
VECTORISED = ("rows", "columns", "steps", "classes")


def slips(plan, style):
    """Return every single slip that this program has room for."""
    found = [
        *_errors(plan, style), *_slopes(plan, style), *_scales(plan, style), *_means(plan, style),
        *_gathering(plan, style), *_passing(plan, style), *_effects(plan, style),
    ]  # fmt: skip
    if plan.l2:
        found += _penalties(plan, style)
    return found


def _errors(plan, style):
    L, a = plan.depth, names(style, plan, plan.depth)["a"]
    y = "y" if style == "loops" else "Y"
    plain = error(style, plan)
    yield Slip("target_minus_output", (L,), ("error",), plain.replace(f"{a} - {y}", f"{y} - {a}")
               if f"{a} - {y}" in plain else f"-{plain}")  # fmt: skip
    if plan.fused:
        yield Slip("slope_left_out", (L,), ("error",), error(style, plan, OF_OUTPUT))
        name = plan.activations[-1]
        last = f"{a} * (1 - {a})" if name == "softmax" else slope(style, plan, L)
        yield Slip("slope_of_another_loss", (L,), ("error",), f"({a} - {y}) * {last}")
    for other in ("absolute_error", "half_squared_error"):
        if plan.loss not in (other, "quantile") and not plan.fused:
            yield Slip("slope_of_another_loss", (L,), ("error",), error(style, plan, loss=other))
    if plan.fused and "absolute_error" in ERRORS:
        yield Slip(
            "slope_of_another_loss", (L,), ("error",), error(style, plan, loss="absolute_error")
        )
    if plan.activations[-1] == "softmax" and style != "loops":
        axis = -1 if style == "columns" else 0
        yield Slip("softmax_axis", (L,), ("softmax",), f"softmax(%s, axis={axis})")
    if plan.sizes[-1] == 1 and style in VECTORISED and plan.depth == 1:
        text = (
            plain.replace(a, f"{a}.ravel()", 1) if style != "columns" else plain.replace(y, "Y.T")
        )
        yield Slip("broadcast", (L,), ("error",), text)


def _slopes(plan, style):
    for l in range(1, plan.depth + 1):
        if not plan.has_slope(l):
            continue
        name, own = plan.activations[l - 1], names(style, plan, l)
        slot = (f"slope{l}",)
        if name != "identity":
            yield Slip("slope_left_out", (l,), slot, "1.0")
            at_a = slope(style, plan, l, a=f"{name}({own['a']})", z=own["a"])
            if name not in ("relu", "leaky_relu"):
                yield Slip("slope_at_a", (l,), slot, at_a)
        if "{a}" in SLOPES[name]:
            yield Slip("slope_at_z", (l,), slot, slope(style, plan, l, a=own["z"]))
        part = {"sigmoid": (own["a"], f"(1 - {own['a']})"), "tanh": (f"(1 - {own['a']})",)}
        for text in part.get(name, () if name in ("identity", "exp") else (own["a"],)):
            yield Slip("slope_incomplete", (l,), slot, text)
        for other in ("sigmoid", "tanh", "relu"):
            if other != name:
                yield Slip("slope_of_another_activation", (l,), slot, slope(style, plan, l, other))
        for k in range(1, plan.depth + 1):
            if k != l and plan.sizes[k] == plan.sizes[l] and name not in ("identity",):
                other = names(style, plan, k)
                text = slope(style, plan, l, a=other["a"], z=other["z"])
                yield Slip("mask_of_wrong_tensor", (l,), slot, text)
        if l < plan.depth and name in ("relu", "leaky_relu"):
            text = slope(style, plan, l, z=f"dA{l}" if style != "loops" else f"c{l}")
            yield Slip("mask_of_wrong_tensor", (l,), slot, text)


def _scales(plan, style):
    for l in range(1, plan.depth + 1):
        for name, text in (
            ("sign", "-({})"),
            ("factor_two", "2 * ({})"),
            ("factor_half", "({}) / 2"),
        ):
            for slot in (f"delta{l}", f"dW{l}", f"db{l}"):
                yield Slip(name, (l,), (slot,), text, wraps=True)
            yield Slip(name, (l,), (f"dW{l}", f"db{l}"), text, wraps=True)


def _means(plan, style):
    layers = range(1, plan.depth + 1)
    for l in layers:
        if plan.depth > 1:
            yield Slip("mean_missing", (l,), (f"mean{l}", f"meanb{l}"), "")
        yield Slip("mean_doubled", (l,), (f"mean{l}", f"meanb{l}"), " / m / m")
        yield Slip("mean_on_one_gradient", (l,), (f"mean{l}",), "")
        yield Slip("mean_on_one_gradient", (l,), (f"meanb{l}",), "")
        yield Slip("integer_arithmetic", (l,), (f"mean{l}",), " // m")
    every = tuple(f"{kind}{l}" for l in layers for kind in ("mean", "meanb"))
    yield Slip("mean_doubled", tuple(layers), every, " / m / m")
    wrong = {"columns": "X.shape[0]", "loops": "len(X[0])"}.get(style, "X.shape[1]")
    yield Slip("mean_of_wrong_count", tuple(layers), ("m",), wrong)


def _gathering(plan, style):
    for l in range(1, plan.depth + 1):
        wide = plan.sizes[l] > 1
        yield Slip("bias_not_summed", (l,), (f"sum{l}",), "none")
        if wide:
            yield Slip("bias_summed_over_neurons", (l,), (f"sum{l}",), "neurons")
            if style in VECTORISED:
                yield Slip("bias_summed_over_neurons", (l,), (f"sum{l}",), "all")
        yield Slip("transpose_missing", (l,), (f"dW{l}",), "({}).T", wraps=True)
        before = names(style, plan, l - 1)
        inputs = [before["z"]] if l > 1 else []
        inputs += [names(style, plan, k)["a"] for k in range(plan.depth + 1)
                   if k != l - 1 and (plan.sizes[k] == plan.sizes[l - 1])]  # fmt: skip
        for text in inputs:
            yield Slip("input_of_wrong_layer", (l,), (f"input{l}",), text)
        if style == "loops":
            yield Slip("gradients_replaced", (l,), (f"store{l}", f"storeb{l}"), "=")
            yield Slip("gradients_replaced", (l,), (f"store{l}",), "=")
            yield Slip("gradients_replaced", (l,), (f"storeb{l}",), "=")
            yield Slip("integer_arithmetic", (l,), (f"zeros{l}",), ", dtype=int")
        else:
            yield Slip("integer_arithmetic", (l,), (f"dW{l}",), "({}).astype(int)", wraps=True)


def _penalties(plan, style):
    for l in range(1, plan.depth + 1):
        W, b = (names(style, plan, l)[key] for key in "Wb")
        yield Slip("penalty_left_out", (l,), (f"penalty{l}",), "")
        yield Slip("penalty_averaged", (l,), (f"penalty{l}",), f"l2 * {W} / m")
        yield Slip("penalty_on_biases", (l,), (f"penaltyb{l}",), f" + l2 * {b}")
        yield Slip("factor_two", (l,), (f"penalty{l}",), f"2 * l2 * {W}")


def _passing(plan, style):
    y = "y" if style == "loops" else "Y"
    a = names(style, plan, plan.depth)["a"]
    for l in range(1, plan.depth):
        sizes = plan.sizes
        W = names(style, plan, l + 1)["W"]
        if sizes[l] == sizes[l + 1]:
            yield Slip("transpose_missing", (l,), (f"weights{l}",), f"{W}.T")
        for k in range(1, plan.depth + 1):
            if k != l + 1 and (sizes[k - 1], sizes[k]) == (sizes[l], sizes[l + 1]):
                other = names(style, plan, k)["W"]
                yield Slip("weights_of_wrong_layer", (l,), (f"weights{l}",), other)
        following = f"dA{l + 1}" if style != "loops" else f"c{l + 1}"
        if l + 1 < plan.depth:
            yield Slip("delta_not_passed_on", (l,), (f"passed{l}",), following)
        elif plan.has_slope(l + 1) and plan.activations[l] != "identity":
            yield Slip("delta_not_passed_on", (l,), (f"passed{l}",), error(style, plan))
        if sizes[-1] in (1, sizes[l]):
            yield Slip("delta_not_passed_on", (l,), (f"carry{l}",), f"({a} - {y})")
        if style == "steps":
            update = f"W{l + 1} = W{l + 1} - lr * dW{l + 1}\nb{l + 1} = b{l + 1} - lr * db{l + 1}"
            yield Slip("weights_already_updated", (l,), (f"after{l + 1}",), update)


def _effects(plan, style):
    y = "y" if style == "loops" else "Y"
    a = names(style, plan, plan.depth)["a"]
    plain = error(style, plan)
    if plain == f"({a} - {y})":
        yield Slip("changes_arguments", (), ("before_error", "error"),
                   (f"{y} -= {a}", f"(-{y})"))  # fmt: skip
    if style == "classes":
        yield Slip("gradients_accumulated", (), ("keep",), "+=")
