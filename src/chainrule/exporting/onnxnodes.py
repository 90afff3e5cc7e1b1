"""Nodes of ONNX: a list of them that grows, and a rule's source as such nodes.

Standard operators alone, and of these the ones that onnxruntime has for float64 too. Where it
has a quick form with few right digits (``Sigmoid`` of float32 is good to 1e-7 of 1, and a
probability of 1e-8 has no right digit), the rule's own formula is written instead.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule import elementary
from chainrule.exporting.language import first_result
from chainrule.formula import Source, arguments_of

OPERATORS = {ast.Add: "Add", ast.Sub: "Sub", ast.Mult: "Mul", ast.Div: "Div"}
COMPARISONS = {
    ast.Lt: "Less",
    ast.LtE: "LessOrEqual",
    ast.Gt: "Greater",
    ast.GtE: "GreaterOrEqual",
    ast.Eq: "Equal",
}
FUNCTIONS = {"exp": "Exp", "log": "Log", "tanh": "Tanh", "sqrt": "Sqrt", "abs": "Abs"}
BY_HAND = 4  # a power up to this is written as products


@dataclass
class Nodes:
    """The nodes and constants of a graph, with names that are not taken.

    Attributes
    ----------
    dtype : dtype
        In which the networks compute.
    taken : set of str
        Names of tensors: the inputs, the outputs, and what has been added.
    """

    dtype: np.dtype[Any]
    taken: set[str]
    nodes: list[Any] = field(default_factory=list)
    constants: dict[str, Any] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)

    def name(self, wished: str) -> str:
        """Return a name that is not taken, and take it."""
        chosen, number = wished, 2
        while chosen in self.taken:
            chosen, number = f"{wished}_{number}", number + 1
        self.taken.add(chosen)
        return chosen

    def add(self, operator: str, inputs: Iterable[str], wished: str, **attributes: Any) -> str:
        """Add a node, and return the name of its output, by which the node is called too."""
        from onnx import helper

        name = wished if attributes.pop("exactly", False) else self.name(wished)
        self.nodes.append(
            helper.make_node(
                operator, list(inputs), [name], name=f"{name}/{operator}", **attributes
            )
        )
        return name

    def array(self, values: Any, wished: str) -> str:
        """Add an array as a constant, and return its name."""
        from onnx import helper, numpy_helper

        name = self.name(wished)
        array = np.asarray(values)
        if array.dtype.kind in "OU":
            from onnx import TensorProto

            texts = [str(text).encode() for text in array.ravel()]
            self.constants[name] = helper.make_tensor(name, TensorProto.STRING, array.shape, texts)
        else:
            self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def number(self, value: float) -> str:
        """Return the name of a constant number, in the type of the networks."""
        spelled = f"{value:g}" if float(f"{value:g}") == value else repr(value)
        if spelled not in self.numbers:
            self.numbers[spelled] = self.array(np.array(value, self.dtype), f"number/{spelled}")
        return self.numbers[spelled]


def add_rule(nodes: Nodes, rule: Source, z: str, prefix: str) -> str:
    """Add the nodes of a rule's first result at the tensor z, and return its name."""
    lines, result = first_result(rule)
    values = {arguments_of(rule)[0]: z}
    for line in lines:
        name = ast.unparse(line.targets[0])
        values[name] = _Expression(nodes, values, prefix).add(line.value, name)
    return _Expression(nodes, values, prefix).add(result, "a")


class _Expression:
    """Adds the nodes of one expression of a rule."""

    def __init__(self, nodes: Nodes, values: dict[str, str], prefix: str) -> None:
        self.nodes, self.values, self.prefix = nodes, values, prefix

    def node(self, operator: str, *inputs: str, name: str = "") -> str:
        return self.nodes.add(operator, inputs, f"{self.prefix}/{name or operator.lower()}")

    def add(self, part: ast.expr, name: str = "") -> str:
        """Return the name of the tensor that holds an expression's value."""
        match part:
            case ast.Name(id=known):
                return self.values[known]
            case ast.Constant(value=int() | float() as value):
                return self.nodes.number(float(value))
            case ast.UnaryOp(operand=ast.Constant(value=int() | float() as value)):
                return self.nodes.number(-float(value))
            case ast.UnaryOp(operand=operand):
                return self.node("Neg", self.add(operand), name=name)
            case ast.BinOp(
                left=left, op=ast.Pow(), right=ast.Constant(value=int() as exponent)
            ) if 1 <= exponent <= BY_HAND:
                base = product = self.add(left)
                for _ in range(exponent - 1):
                    product = self.node("Mul", product, base, name=name)
                return product
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                return self.node("Pow", self.add(left), self.add(right), name=name)
            case ast.BinOp(left=left, op=op, right=right):
                return self.node(OPERATORS[type(op)], self.add(left), self.add(right), name=name)
            case ast.IfExp(test=ast.Compare(left=left, ops=[sign], comparators=[right])):
                return self.choice(part, left, sign, right, name)
            case ast.Call(func=ast.Name(id=function), args=[argument]):
                x = self.add(argument)
                if function in FUNCTIONS:
                    return self.node(FUNCTIONS[function], x, name=name)
                return {"expm1": self.expm1, "log1p": self.log1p, "erf": self.erf}[function](x)
        raise TypeError(f"`{ast.unparse(part)}` is outside the grammar of rules")

    def choice(
        self, part: ast.IfExp, left: ast.expr, sign: ast.cmpop, right: ast.expr, name: str
    ) -> str:
        if ast.unparse(part) == f"0.0 if {(x := ast.unparse(left))} < 0.0 else {x}":
            return self.node("Relu", self.add(left), name=name)
        test = self.node(COMPARISONS[type(sign)], self.add(left), self.add(right))
        return self.node("Where", test, self.add(part.body), self.add(part.orelse), name=name)

    def expm1(self, x: str) -> str:
        """e^x - 1 = tanh(x / 2) (e^x + 1), in which no digits are lost near 0."""
        half = self.node("Mul", x, self.nodes.number(0.5), name="half")
        more = self.node("Add", self.node("Exp", x), self.nodes.number(1.0))
        return self.node("Mul", self.node("Tanh", half), more, name="expm1")

    def log1p(self, x: str) -> str:
        """Log y with y = 1 + x, and what the rounding of y lost: (x - (y - 1)) / y."""
        one = self.nodes.number(1.0)
        y = self.node("Add", one, x)
        lost = self.node("Div", self.node("Sub", x, self.node("Sub", y, one)), y, name="lost")
        near = self.node("Less", self.node("Abs", x), one, name="near")
        kept = self.node("Where", near, lost, self.nodes.number(0.0))
        return self.node("Add", self.node("Log", y), kept, name="log1p")

    def erf(self, x: str) -> str:
        """The two polynomials of ``elementary``, as onnxruntime has no Erf of float64."""
        if self.nodes.dtype == np.float32:
            return self.node("Erf", x)
        one, three = self.nodes.number(1.0), self.nodes.number(3.0)
        a = self.node("Min", self.node("Abs", x), self.nodes.number(6.0), name="size")
        u = self.node("Mul", a, a, name="square")
        short = self.polynomial(elementary._P_DOUBLE, self.node("Min", u, one))
        near = self.node("Mul", a, short, name="near")
        t = self.node("Div", self.node("Sub", a, three), self.node("Add", a, three), name="t")
        tail = self.node("Exp", self.node("Neg", u), name="tail")
        rest = self.node("Mul", tail, self.polynomial(elementary._Q_DOUBLE, t), name="rest")
        far = self.node("Sub", one, rest, name="far")
        size = self.node("Where", self.node("Greater", a, one), far, near)
        return self.node("Mul", size, self.node("Sign", x), name="erf")

    def polynomial(self, coefficients: Iterable[float], x: str) -> str:
        first, *others = coefficients
        total = self.nodes.number(first)
        for c in others:
            total = self.node("Add", self.node("Mul", total, x), self.nodes.number(c))
        return total


def add_softmax(nodes: Nodes, z: str, prefix: str) -> str:
    """Add a softmax over the last axis."""
    return nodes.add("Softmax", [z], f"{prefix}/a", axis=-1)
