"""The guided examples show what they say they show."""

from itertools import pairwise

import numpy as np
import pytest

from chainrule.playing.choices import Choices
from chainrule.playing.guided import GUIDED
from chainrule.playing.planning import planned
from chainrule.playing.run import Run
from chainrule.playing.scores import scores
from chainrule.playing.sources import shelf

pytestmark = pytest.mark.compiled_only


class Shown:
    """An example, with some settings changed, and its run."""

    def __init__(self, key, **changes):
        plan = planned(shelf(), GUIDED[key].settings, Choices())
        self.plan = planned(shelf(), changes, plan.choices, plan) if changes else plan
        self.run = Run(self.plan.prepared, self.plan.choices)

    def play(self, epochs=1_000_000):
        self.run.advance(epochs * self.run.steps_per_epoch - self.run.step)
        return self

    def accuracy(self, part="train"):
        return scores(self.plan.scene, self.run.theta, 0)[0][part]["accuracy"]

    def gradients(self):
        layers = self.run.network.layers(self.run.gradient)
        return [float(np.sqrt((W * W).mean())) for W, _ in layers]


@pytest.mark.parametrize("key", GUIDED)
def test_every_example_can_be_set_and_says_what_to_look_at(key):
    shown = Shown(key)
    assert shown.plan.notes == ()
    assert shown.run.advance(3) == 3
    example = GUIDED[key]
    assert all(len(text) > 20 for text in (example.title, example.text, example.look))


def test_the_neuron_is_the_documents():
    shown = Shown("neuron")
    network, settings = shown.run.network, shown.run.settings
    assert (network.sizes, network.output, network.loss) == (
        (3, 1), "sigmoid", "half_squared_error",
    )  # fmt: skip
    assert (shown.run.steps_per_epoch, settings.shuffle, shown.run.dtype) == (1, False, np.float64)
    losses = [shown.play(epoch).run.loss for epoch in range(1, 101)]
    assert all(after < before for before, after in pairwise(losses))
    assert shown.accuracy() == 1.0


@pytest.mark.parametrize("seed", range(4))
def test_one_neuron_stays_near_one_half_on_xor_and_four_do_it(seed):
    for part in ("train", "validation"):
        assert abs(Shown("xor", seed=seed).play().accuracy(part) - 0.5) < 0.1
    layer = {"hidden_layer_sizes": [4]}
    assert Shown("xor", seed=seed, network=layer).play().accuracy("validation") > 0.9


def losses(shown, steps):
    found = []
    for _ in range(steps):
        shown.run.advance(1)
        found.append(shown.run.loss)
    return found


def test_a_rate_above_two_diverges_one_below_settles_and_one_is_there_at_once():
    shown = Shown("rate")
    found = losses(shown, 40)
    assert all(after > before for before, after in pairwise(found))
    before = [np.sign(shown.run.gradient[0])]
    shown.run.advance(1)
    assert np.sign(shown.run.gradient[0]) == -before[0]  # from side to side
    assert shown.play().run.status == "failed"
    least = Shown("rate", training={"learning_rate": 0.5}).play(200).run.loss
    assert losses(Shown("rate", training={"learning_rate": 1.5}), 40)[-1] < 1.01 * least
    assert losses(Shown("rate", training={"learning_rate": 1.0}), 3)[-1] < 1.05 * least


def test_the_first_layers_gradients_vanish_behind_sigmoids():
    shown = Shown("vanishing").play(50)
    first, *_, last = shown.gradients()
    assert first < 1e-3 * last
    assert shown.accuracy() < 0.6
    other = Shown("vanishing", network={"hidden": ["tanh"] * 6}).play(20)
    first, *_, last = other.gradients()
    assert first > 0.05 * last
    assert other.play(400).accuracy() > 0.9


def test_the_network_learns_by_heart_and_each_remedy_helps():
    shown = Shown("overfitting")
    assert shown.run.network.n_parameters == 4417
    assert shown.plan.prepared.rows == {"train": 50, "validation": 50, "test": 0}
    curve = np.array([(shown.play(e).run.loss, shown.run.validation_loss) for e in range(1, 501)])
    least = int(curve[:, 1].argmin())
    assert 5 < least < 100
    assert curve[-1, 1] > 3 * curve[least, 1]
    assert curve[-1, 0] < 0.1 * curve[least, 0]
    assert shown.accuracy("train") == 1.0
    remedies = {
        "l2": {"training": {"l2": 0.02}},
        "patience": {"training": {"patience": 20}},
        "rows": {"data": {"rows": 2000}},
    }
    bad = scores(shown.plan.scene, shown.run.theta, 0)[0]["validation"]["log_loss"]
    for name, change in remedies.items():
        other = Shown("overfitting", **change).play(100 if name == "rows" else 500)
        found = scores(other.plan.scene, other.run.theta, 0)[0]["validation"]["log_loss"]
        assert found < bad / 3, name


def test_neurons_that_begin_alike_stay_alike():
    shown = Shown("zeros").play()
    (W, b), (V, _) = shown.run.network.layers(shown.run.theta)
    assert max(np.ptp(W, axis=1).max(), np.ptp(b), np.ptp(V)) < 1e-3
    assert np.abs(W).min() > 0.5  # they have learned, all the same
    assert shown.accuracy() < 0.75
    other = Shown("zeros", network={"scheme": "xavier_normal"}).play()
    (W, _), _ = other.run.network.layers(other.run.theta)
    assert np.ptp(W, axis=1).min() > 1.0
    assert other.accuracy() > 0.95
