"""The program that the source document prints, its sections put together.

Section 3 (initialization), section 4 (sigmoid), section 7 (learning rate) and section 8 (the
loop) stand as they are printed; in the loop's place of "# ... (initialization code)" stands
section 3's code, and broken lines of its f-string are joined.
"""

import numpy as np

learning_rate = 0.005


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def feedforward_nn(epochs, x, y):
    n_in = 3
    n_out = 1
    w = np.random.normal(0, np.sqrt(2 / (n_in + n_out)), size=(n_in, n_out))
    b = 0

    for epoch in range(epochs):
        # Forward propagation
        z = np.dot(w.T, x) + b
        a = sigmoid(z)

        # Backpropagation
        dl_dw = (a - y) * a * (1 - a) * x
        dl_db = (a - y) * a * (1 - a)

        # Gradient descent
        w = w - learning_rate * dl_dw
        b = b - learning_rate * dl_db

        # Print progress (optional)
        if epoch % 100 == 0:
            print(
                f"Epoch {epoch}: w = {list(map('{:.3f}%'.format, w.flatten()))}, b = {list(map('{:.3f}%'.format, b))}, loss = {list(map('{:.3f}%'.format, (a - y) ** 2))}"
            )

    return w, b
