"""Programs with one mistake, or with something that no catalogue names."""

import numpy as np

total_dw = 0.0
total_db = 0.0


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def near_miss(w, b, x, y):
    a = sigmoid(x @ w + b)
    d = (a - y) * a * (1 - a) * 1.001
    return x.T @ d / len(x), d.mean(axis=0)


def near_miss_of_one(w, b, x, y):
    a = sigmoid(x @ w + b)
    d = (a - y) * a * (1 - a)
    return x.T @ d / len(x), 1.001 * d.mean(axis=0)


def wrong_forward(params, X, Y):
    Z1 = X @ params["W1"] - params["b1"]
    A1 = np.tanh(Z1)
    Z2 = A1 @ params["W2"] + params["b2"]
    dZ2 = (sigmoid(Z2) - Y) / len(X)
    dZ1 = dZ2 @ params["W2"].T * (1 - A1**2)
    return {"dW1": X.T @ dZ1, "db1": dZ1.sum(0), "dW2": A1.T @ dZ2, "db2": dZ2.sum(0)}


def piling_up(w, b, x, y):
    global total_dw, total_db
    a = sigmoid(x @ w + b)
    d = (a - y) * a * (1 - a) / len(x)
    total_dw += x.T @ d
    total_db += d.sum(axis=0)
    return total_dw, total_db


def defaults_pile_up(w, b, x, y, grads={}):
    a = sigmoid(x @ w + b)
    d = (a - y) * a * (1 - a) / len(x)
    grads["dw"] = grads.get("dw", 0) + x.T @ d
    grads["db"] = grads.get("db", 0) + d.sum(axis=0)
    return grads["dw"], grads["db"]


def of_integers(w, b, x, y):
    a = sigmoid(x @ w + b)
    d = np.zeros_like(y)
    d[:] = (a - y) * a * (1 - a)
    return x.T @ d / len(x), d.mean(axis=0)


def writes_targets(w, b, x, y):
    a = sigmoid(x @ w + b)
    y -= a
    d = -y * a * (1 - a)
    return x.T @ d / len(x), d.mean(axis=0)


def too_early(x, y, w1, b1, w2, b2, lr):
    h = np.tanh(x @ w1 + b1)
    out = h @ w2 + b2
    d2 = (out - y) / len(x)
    w2 = w2 - lr * h.T @ d2
    b2 = b2 - lr * d2.sum(axis=0)
    d1 = d2 @ w2.T * (1 - h**2)
    w1 = w1 - lr * x.T @ d1
    b1 = b1 - lr * d1.sum(axis=0)
    return w1, b1, w2, b2


def sigmoid_prime(z):
    return z * (1 - z)


def in_a_helper(w, b, x, y):
    z = x @ w + b
    d = (sigmoid(z) - y) * sigmoid_prime(z)
    return x.T @ d / len(x), d.mean(axis=0)


def two_on_one_line(w, b, x, y):
    m = len(x)
    a = sigmoid(x @ w + b)
    d = (y - a) * a
    return x.T @ d / m, d.sum(axis=0) / m


def no_loss(params, X, Y):
    A1 = np.tanh(X @ params["W1"] + params["b1"])
    A2 = sigmoid(A1 @ params["W2"] + params["b2"])
    d2 = (A2 - Y) / len(X)
    d1 = d2 @ params["W2"].T
    return {"dW1": X.T @ d1, "db1": d1.sum(0), "dW2": A1.T @ d2, "db2": d2.sum(0)}


def hides(w, b, x, y):
    a = sigmoid(x @ w + b)
    d = (a - y) * a * (1 - a)
    m = len(x) if len(x) < 10 else 10
    return x.T @ d / m, d.sum(axis=0) / m


def shown_without_half(w, b, x, y):
    a = sigmoid(x @ w + b)
    loss = np.mean((a - y) ** 2)
    d = (a - y) * a * (1 - a)
    return loss, x.T @ d / len(x), d.mean(axis=0)


def returns_nothing(w, b, x, y):
    a = sigmoid(x @ w + b)


def raises(w, b, x, y):
    return undefined_name * x


def strange_arguments(p, q, r):
    return p


def square(w1, b1, w2, b2, x, y):
    h = np.tanh(x @ w1 + b1)
    d2 = (h @ w2 + b2 - y) / len(x)
    d1 = d2 @ w2 * (1 - h**2)
    return x.T @ d1, d1.sum(axis=0), h.T @ d2, d2.sum(axis=0)
