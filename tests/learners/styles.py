"""Right programs in the styles that learners write; each is for the network beside its name."""

import math

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def sigmoid_slope(z):
    return sigmoid(z) * (1 - sigmoid(z))


# 3-1, sigmoid, half_squared_error


def single(w, b, x, y):
    a = sigmoid(np.dot(w, x) + b)
    d = (a - y) * a * (1 - a)
    return d * x, d


def rows(w, b, x, y):
    a = sigmoid(x @ w + b)
    d = (a - y) * a * (1 - a) / len(x)
    return x.T @ d, d.sum(axis=0)


def columns(X, Y, W, b):
    A = sigmoid(np.dot(W, X) + b)
    dZ = (A - Y) * A * (1 - A)
    return np.dot(dZ, X.T) / X.shape[1], np.mean(dZ, axis=1, keepdims=True)


def sums(w, b, x, y):
    a = sigmoid(x @ w + b)
    d = (a - y) * a * (1 - a)
    loss = 0.5 * np.sum((a - y) ** 2)
    return loss, x.T @ d, d.sum(axis=0)


def without_arrays(w, b, xs, ys):
    dw, db = [0.0] * len(w), 0.0
    for x, y in zip(xs, ys):
        z = sum(wi * xi for wi, xi in zip(w, x)) + b
        a = 1 / (1 + math.exp(-z))
        d = (a - y) * a * (1 - a)
        for i in range(len(w)):
            dw[i] += d * x[i] / len(xs)
        db += d / len(xs)
    return dw, db


# 3-1, sigmoid, binary_cross_entropy


def cost_and_slope(theta, X, y):
    h = sigmoid(X @ theta)
    J = -np.mean(y * np.log(h) + (1 - y) * np.log(1 - h))
    return J, X.T @ (h - y) / len(y)


# 3-4-2, sigmoid, sigmoid, half_squared_error


class Lists:
    def __init__(self, sizes):
        self.weights = [np.random.randn(o, i) for i, o in zip(sizes[:-1], sizes[1:])]
        self.biases = [np.random.randn(o, 1) for o in sizes[1:]]

    def feedforward(self, a):
        for w, b in zip(self.weights, self.biases):
            a = sigmoid(w @ a + b)
        return a

    def backprop(self, x, y):
        activations, zs = [x], []
        for w, b in zip(self.weights, self.biases):
            zs.append(w @ activations[-1] + b)
            activations.append(sigmoid(zs[-1]))
        nabla_b = [0] * len(self.biases)
        nabla_w = [0] * len(self.weights)
        delta = (activations[-1] - y) * sigmoid_slope(zs[-1])
        for l in range(1, len(self.weights) + 1):
            if l > 1:
                delta = self.weights[-l + 1].T @ delta * sigmoid_slope(zs[-l])
            nabla_b[-l] = delta
            nabla_w[-l] = delta @ activations[-l - 1].T
        return nabla_b, nabla_w


def in_place(weights, biases, x, y, lr):
    a = [list(x)]
    for W, b in zip(weights, biases):
        z = [sum(W[i][j] * a[-1][i] for i in range(len(a[-1]))) + b[j] for j in range(len(b))]
        a.append([1 / (1 + math.exp(-v)) for v in z])
    delta = [(o - t) * o * (1 - o) for o, t in zip(a[-1], y)]
    for l in range(len(weights) - 1, -1, -1):
        back = [sum(weights[l][i][j] * delta[j] for j in range(len(delta))) for i in range(len(a[l]))]
        for j in range(len(delta)):
            for i in range(len(a[l])):
                weights[l][i][j] -= lr * delta[j] * a[l][i]
            biases[l][j] -= lr * delta[j]
        delta = [e * v * (1 - v) for e, v in zip(back, a[l])]


class Hidden:
    def __init__(self, n_inputs, n_hidden, n_outputs, learning_rate=0.1):
        self.w_hidden = np.random.randn(n_inputs, n_hidden)
        self.b_hidden = np.zeros((1, n_hidden))
        self.w_output = np.random.randn(n_hidden, n_outputs)
        self.b_output = np.zeros((1, n_outputs))
        self.lr = learning_rate

    def forward(self, X):
        self.a1 = sigmoid(X @ self.w_hidden + self.b_hidden)
        self.a2 = sigmoid(self.a1 @ self.w_output + self.b_output)
        return self.a2

    def backward(self, X, y):
        d2 = (self.a2 - y) * self.a2 * (1 - self.a2) / len(X)
        d1 = d2 @ self.w_output.T * self.a1 * (1 - self.a1)
        self.w_output -= self.lr * self.a1.T @ d2
        self.b_output -= self.lr * d2.sum(axis=0, keepdims=True)
        self.w_hidden -= self.lr * X.T @ d1
        self.b_hidden -= self.lr * d1.sum(axis=0, keepdims=True)


# 3-4-1, tanh, sigmoid, binary_cross_entropy


def forward_propagation(X, parameters):
    Z1 = np.dot(parameters["W1"], X) + parameters["b1"]
    A1 = np.tanh(Z1)
    Z2 = np.dot(parameters["W2"], A1) + parameters["b2"]
    A2 = sigmoid(Z2)
    return A2, {"Z1": Z1, "A1": A1, "Z2": Z2, "A2": A2}


def compute_cost(A2, Y):
    return -np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))


def backward_propagation(parameters, cache, X, Y):
    m = X.shape[1]
    dZ2 = cache["A2"] - Y
    dZ1 = np.dot(parameters["W2"].T, dZ2) * (1 - cache["A1"] ** 2)
    grads = {"dW2": np.dot(dZ2, cache["A1"].T) / m, "db2": np.sum(dZ2, axis=1, keepdims=True) / m}
    grads |= {"dW1": np.dot(dZ1, X.T) / m, "db1": np.sum(dZ1, axis=1, keepdims=True) / m}
    return grads


# 3-4-3, relu, softmax, cross_entropy


class TwoLayers:
    def __init__(self, input_size, hidden_size, output_size):
        self.params = {"W1": np.random.randn(input_size, hidden_size), "b1": np.zeros(hidden_size)}
        self.params |= {"W2": np.random.randn(hidden_size, output_size), "b2": np.zeros(output_size)}

    def loss(self, X, y, reg=0.0):
        W1, W2 = self.params["W1"], self.params["W2"]
        h = np.maximum(0, X @ W1 + self.params["b1"])
        e = np.exp(h @ W2 + self.params["b2"])
        probs = e / np.sum(e, axis=1, keepdims=True)
        loss = -np.mean(np.log(probs[np.arange(len(X)), y]))
        loss += 0.5 * reg * (np.sum(W1 * W1) + np.sum(W2 * W2))
        dscores = probs.copy()
        dscores[np.arange(len(X)), y] -= 1
        dscores /= len(X)
        dh = dscores @ W2.T
        dh[h <= 0] = 0
        grads = {"W2": h.T @ dscores + reg * W2, "b2": dscores.sum(axis=0)}
        grads |= {"W1": X.T @ dh + reg * W1, "b1": dh.sum(axis=0)}
        return loss, grads


# 3-4-1, tanh, identity, half_squared_error


def penalty_over_samples(w1, b1, w2, b2, x, y, lam):
    m = len(x)
    h = np.tanh(x @ w1 + b1)
    d2 = h @ w2 + b2 - y
    d1 = d2 @ w2.T * (1 - h**2)
    dw1 = x.T @ d1 / m + lam / m * w1
    dw2 = h.T @ d2 / m + lam / m * w2
    return dw1, d1.mean(axis=0), dw2, d2.mean(axis=0)


def each_sample_steps(w1, b1, w2, b2, X, Y, lr):
    for x, y in zip(X, Y):
        h = np.tanh(x @ w1 + b1)
        d2 = h @ w2 + b2 - y
        d1 = w2 @ d2 * (1 - h**2)
        w1, b1 = w1 - lr * np.outer(x, d1), b1 - lr * d1
        w2, b2 = w2 - lr * np.outer(h, d2), b2 - lr * d2
    return w1, b1, w2, b2


# 3-4-1, relu, identity, the squared error


def train(X, y, hidden_size=4, epochs=1000, lr=0.01):
    W1 = np.random.randn(X.shape[1], hidden_size) * 0.5
    b1 = np.zeros((1, hidden_size))
    W2 = np.random.randn(hidden_size, 1) * 0.5
    b2 = np.zeros((1, 1))
    for epoch in range(epochs):
        z1 = X @ W1 + b1
        a1 = np.maximum(0, z1)
        y_hat = a1 @ W2 + b2
        loss = np.mean((y_hat - y) ** 2)
        dy = 2 * (y_hat - y) / len(X)
        dz1 = dy @ W2.T * (z1 > 0)
        W2 = W2 - lr * a1.T @ dy
        b2 = b2 - lr * dy.sum(axis=0, keepdims=True)
        W1 = W1 - lr * X.T @ dz1
        b1 = b1 - lr * dz1.sum(axis=0, keepdims=True)
        if epoch % 100 == 0:
            print(f"epoch {epoch}: loss {loss:.4f}")
    return W1, b1, W2, b2
