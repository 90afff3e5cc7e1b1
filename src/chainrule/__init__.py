"""The small neural network that you can read, check and ship."""
