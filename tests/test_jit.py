"""The compiler's seat: cache folders, precision, codes of rules."""

import os
import subprocess
import sys

import numpy as np
import pytest

from chainrule import jit, lifted
from chainrule.rules import ACTIVATIONS

compiled_only = pytest.mark.compiled_only


def test_old_machine_code_is_removed(tmp_path, monkeypatch):
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path))
    for age, name in enumerate("abcde"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "kernel.nbi").touch()
        os.utime(tmp_path / name, (1000 + age, 1000 + age))
    jit.remove_old_code(keep=3)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c", "d", "e"]


def test_the_folder_is_where_the_user_says(tmp_path, monkeypatch):
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path))
    assert jit.cache_root() == tmp_path
    monkeypatch.delenv("CHAINRULE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if sys.platform.startswith("linux"):
        assert jit.cache_root() == tmp_path / "chainrule" / "kernels"


@compiled_only
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_code_chooses_its_rule(name, dtype):
    """Through a kernel of our own: the switch is compiled without a door for Python."""
    kernel = jit.numba.njit(_call)
    z = np.linspace(-3, 3, 37, dtype=dtype)
    a, slope = z.copy(), np.empty_like(z)
    kernel(list(ACTIVATIONS).index(name), a, slope)
    tolerance = {np.float32: 3e-6, np.float64: 1e-14}[dtype]
    expected = [ACTIVATIONS[name](float(value)) for value in z]
    np.testing.assert_allclose(a, [e[0] for e in expected], rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(slope, [e[1] for e in expected], rtol=tolerance, atol=tolerance)


def _call(code, a, slope):
    lifted.activate(code, a, slope)


@compiled_only
def test_loops_over_rules_stay_in_float32():
    """A number that promoted float32 would show as a conversion of whole vectors."""
    kernel = jit.numba.njit("void(int64, float32[::1], float32[::1])")(_call)
    assembly = next(iter(kernel.inspect_asm().values()))
    assert "vcvtps2pd" not in assembly
    assert "cvtps2pd" not in assembly


@compiled_only
def test_every_elementary_function_vectorises():
    """A loop over a function that was not inlined would call it once a number."""
    from chainrule import elementary

    for function in elementary.PRECISIONS:
        loop = jit.numba.njit("void(float64[::1], float64[::1])", **jit.OPTIONS)(_loop(function))
        assert "fmul" in next(iter(loop.inspect_llvm().values()))
        assembly = next(iter(loop.inspect_asm().values()))
        assert any(register in assembly for register in ("mulpd", "ymm", "zmm", "fmla")), function


def _loop(function):
    def loop(x, y):
        for i in range(x.size):
            y[i] = function(x[i])

    return loop


def test_without_the_compiler_the_same_numbers_come_out():
    code = (
        "import numpy as np; from chainrule import Network, gradient;"
        "n = Network((2, 3, 1), hidden='tanh', output='sigmoid');"
        "X = np.linspace(-1, 1, 10).reshape(5, 2);"
        "loss, g = gradient(n, n.initial(3), X, X[:, 0]);"
        "print(loss, *g)"
    )
    with_compiler, without = (
        np.array(
            subprocess.check_output(
                [sys.executable, "-c", code],
                env=os.environ | {"NUMBA_DISABLE_JIT": disabled},
                text=True,
            ).split(),
            dtype=float,
        )
        for disabled in ("0", "1")
    )
    np.testing.assert_allclose(with_compiler, without, rtol=1e-13, atol=1e-16)
