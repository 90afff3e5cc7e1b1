"""Networks that were trained elsewhere become models.

A reader (``perceptrons``, ``modules``, ``keraslayers``, ``graph``, ``tensors``) takes a source
apart into affine maps, activations and scalings, which a ``Chain`` puts together as layers.
``inputs`` makes columns of what stands before the first layer, and ``sources`` chooses the
reader. Nothing is run that a file holds, and what is outside the shape is refused by name.
"""
