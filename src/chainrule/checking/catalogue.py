"""The catalogue of mistakes: what each is called, the factor it changes, and what it does.

In the equations samples are rows; delta is dL/dZ, and A of the layer before is written A_prev.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One mistake of the catalogue.

    Attributes
    ----------
    title : str
        The mistake in some words, to stand after "in layer 2: ".
    equation : str
        What should stand there.
    instead : str
        What the mistake computes.
    advice : str
        Why that is wrong, or how to see it, in a sentence or two.
    """

    title: str
    equation: str
    instead: str
    advice: str


DELTA = "delta = dL/dA * f'(Z)"
PASSED = "dL/dA = delta_next @ W_next.T"
WEIGHTS = "dW = A_prev.T @ delta / m"
BIAS = "db = sum over samples of delta / m"
PENALTY = "dW = A_prev.T @ delta / m + l2 * W"

CATALOGUE: dict[str, Kind] = {
    "slope_left_out": Kind(
        "the activation's derivative is left out", DELTA, "delta = dL/dA",
        "The loss depends on Z through A = f(Z), so the chain has a factor dA/dZ = f'(Z) here.",
    ),
    "slope_at_a": Kind(
        "the activation's derivative is taken at A instead of Z", DELTA, "delta = dL/dA * f'(A)",
        "f' is a function of the score Z. If yours already applies f inside, hand it Z; if it is "
        "written in terms of the output, it is the formula, not f', that takes A.",
    ),
    "slope_at_z": Kind(
        "a derivative written in terms of A is given Z", DELTA,
        "delta = dL/dA * (formula in A, with Z put in)",
        "A formula such as A (1 - A) or 1 - A^2 holds for the output A = f(Z), not for Z.",
    ),
    "slope_incomplete": Kind(
        "the activation's derivative is not complete", DELTA, "delta = dL/dA * (a part of f'(Z))",
        "Write f' down from f once: A (1 - A) for the sigmoid, 1 - A^2 for tanh.",
    ),
    "slope_of_another_activation": Kind(
        "the derivative belongs to another activation", DELTA, "delta = dL/dA * g'(Z)",
        "The derivative must be that of the function which the forward pass applied.",
    ),
    "mask_of_wrong_tensor": Kind(
        "the derivative is taken at the wrong tensor", DELTA, "delta = dL/dA * f'(another tensor)",
        "Which neurons let the gradient through is decided by this layer's own Z.",
    ),
    "slope_of_another_loss": Kind(
        "the error at the output belongs to another loss or output",
        "delta = dL/dA * f'(Z) at the output", "another loss's dL/dA, or another product with f'",
        "A - Y is the whole delta for cross-entropy after a sigmoid or a softmax; for half the "
        "squared error it is dL/dA alone, and f'(Z) is still to be multiplied.",
    ),
    "target_minus_output": Kind(
        "the error is Y - A where A - Y belongs", "dL/dA = A - Y", "dL/dA = Y - A",
        "The step subtracts the gradient, so this one climbs the loss.",
    ),
    "sign": Kind(
        "a sign is turned", "dL/dW = dL/dA * dA/dZ * dZ/dW", "minus that",
        "A step against this gradient raises the loss.",
    ),
    "factor_two": Kind(
        "there is a stray factor 2", "dL/dA = A - Y for L = (A - Y)^2 / 2", "twice that",
        "The half in the loss is there to cancel the 2 of the square; for the loss (A - Y)^2, "
        "without the half, twice this is right.",
    ),
    "factor_half": Kind(
        "there is a stray factor 1/2", "dL/dA = A - Y for L = (A - Y)^2 / 2", "half of that",
        "The half in the loss is used up when the square is differentiated.",
    ),
    "mean_missing": Kind(
        "the division by the number of samples is missing", WEIGHTS, "dW = A_prev.T @ delta",
        "The loss is a mean over the samples, so its gradient is a mean as well.",
    ),
    "mean_doubled": Kind(
        "it is divided by the number of samples twice", WEIGHTS, "dW = A_prev.T @ delta / m^2",
        "Divide once: where the loss is differentiated, or where the samples are added up.",
    ),
    "mean_on_one_gradient": Kind(
        "only one of dW and db is divided by the number of samples", f"{WEIGHTS}, {BIAS}",
        "one of the two is a mean, the other a sum",
        "Both come from the same delta: either both are means over the samples, or both sums.",
    ),
    "penalty_left_out": Kind(
        "the penalty is not in the gradient", PENALTY, "dW = A_prev.T @ delta / m",
        "The derivative of l2 / 2 * W^2 is l2 * W.",
    ),
    "penalty_averaged": Kind(
        "the penalty is divided by the number of samples", PENALTY, "... + l2 * W / m",
        "The penalty does not depend on the samples: the mean is taken of the data's part alone.",
    ),
    "penalty_on_biases": Kind(
        "the penalty is applied to the biases too", BIAS, "... + l2 * b",
        "The penalty is on the weights; biases are free.",
    ),
    "bias_not_summed": Kind(
        "the gradient of the bias is not summed over the samples", BIAS, "db = delta",
        "One bias serves all samples, so its gradient adds up over them.",
    ),
    "bias_summed_over_neurons": Kind(
        "the gradient of the bias is summed over the neurons", BIAS, "db = sum over axis 1",
        "Each neuron has a bias of its own: the sum is over the samples alone.",
    ),
    "transpose_missing": Kind(
        "a transpose is missing", f"{PASSED}, {WEIGHTS}", "the matrix as it stands",
        "Backwards the same weights are read the other way: from outputs to inputs.",
    ),
    "weights_of_wrong_layer": Kind(
        "the error is passed back through the weights of another layer", PASSED,
        "dL/dA = delta_next @ W_other.T",
        "What went forward through W_next comes back through W_next.",
    ),
    "weights_already_updated": Kind(
        "the error is passed back through weights that are already updated", PASSED,
        "dL/dA = delta_next @ (W_next - rate * dW_next).T",
        "All gradients belong to one point: compute all of them, then update.",
    ),
    "delta_not_passed_on": Kind(
        "what is passed back is not the next layer's delta", PASSED,
        "dL/dA = something else @ W_next.T, or no product at all",
        "The chain runs through every layer: its factor is the next layer's whole delta.",
    ),
    "input_of_wrong_layer": Kind(
        "dW takes the input of another layer", WEIGHTS, "dW = (another tensor).T @ delta",
        "dZ/dW is what this layer was given: the output A of the layer before.",
    ),
    "mean_of_wrong_count": Kind(
        "it is divided by another number than that of the samples", WEIGHTS,
        "dW = A_prev.T @ delta / (another number)",
        "m is the length of the axis along which the samples lie.",
    ),
    "softmax_axis": Kind(
        "the softmax runs over the samples instead of the classes",
        "A = exp(Z) / sum over classes of exp(Z)", "A = exp(Z) / sum over samples of exp(Z)",
        "The shares of one sample add up to 1; those of different samples have nothing in common.",
    ),
    "gradients_accumulated": Kind(
        "gradients add up from call to call", "dW = gradient of this step", "dW = dW + gradient",
        "Set the gradients to 0 before each backward pass.",
    ),
    "gradients_replaced": Kind(
        "each sample replaces the gradient of the samples before",
        "dW += its part, for each sample", "dW = its part",
        "The gradient of a batch is the sum over all of its samples.",
    ),
    "broadcast": Kind(
        "shapes are broadcast against each other", "A - Y of equal shapes",
        "A of shape (m, 1) with Y of shape (m,) gives (m, m)",
        "NumPy repeats what does not match, without a word. Give both the same shape.",
    ),
    "integer_arithmetic": Kind(
        "numbers are cut to whole ones on the way", "floating-point arrays and /",
        "integer arrays, or //",
        "An array of integers cuts what is stored in it, and // drops the remainder.",
    ),
    "changes_arguments": Kind(
        "the caller's arrays are changed in place", "new = old - ...", "old -= ...",
        "An array that was handed in is the caller's: += and out= write into it.",
    ),
    "loss_without_half": Kind(
        "the loss that is shown lacks its half", "L = (A - Y)^2 / 2", "(A - Y)^2",
        "The gradient is that of half the squared error; the number shown is twice that loss.",
    ),
    "progress_line": Kind(
        "the line of progress is not what it says", "the loss at the parameters that stand there",
        "see the message",
        "Watch that the printing code works for every shape that the computation takes.",
    ),
}  # fmt: skip
