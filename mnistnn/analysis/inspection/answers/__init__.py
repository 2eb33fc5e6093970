"""What a trained model makes of one image: all that it computes on the way, forward and backward, with the numbers.

Kinds of layers and of models answer for themselves: `layer_kinds.py` and `model_kinds.py` are the tables, and what has
no line there, such as a layer of the user's own, is shown as any other.
"""
