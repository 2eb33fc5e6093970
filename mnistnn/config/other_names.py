"""What people type who know other tools, and what it is called here.

Nothing of this is accepted: messages name the key, the type or the word that is meant.
"""

import re
from collections.abc import Iterator, Sequence

from mnistnn.config.expected import Schema, SchemaBook
from mnistnn.config.nodes import KeyPath, ListNode, MappingNode, Node, Scalar, find, key_place
from mnistnn.errors import nearest

# Keys, by the key that they are here.
_KEYS = {
    "activation": "nonlinearity act activation_function",
    "epochs": "max_epochs num_epochs n_epochs nb_epoch epoch",
    "init": "initializer weight_init kernel_initializer initialization",
    "kernel": "kernel_size filter_size",
    "learning_rate": "lr learningrate eta step_size",
    "maps": "filters channels out_channels n_filters num_filters features_out",
    "pool": "pool_size",
    "seed": "random_seed random_state",
    "size": "batch_size batchsize minibatch_size pool_size",
    "stride": "strides",
    "units": "neurons hidden_units n_hidden hidden_size width out_features nodes",
}
_KEY_OF = {other: key for key, others in _KEYS.items() for other in others.split() if other != "pool_size"}

# Keys whose meaning is said in other words.
_SAID = {
    ("batches", "shuffle"): "order: permute mixes the training examples in each epoch, order: sequential does not",
    ("", "shuffle"): "batches.order: permute mixes the training examples in each epoch, sequential does not",
    ("", "weight_decay"): "penalties.l2.strength is the weight decay",
    ("optimizer", "weight_decay"): "penalties.l2.strength is the weight decay; type adamw has one of its own",
    ("", "early_stopping"): "an item of stopping ends a run that no longer improves: course_patience, lisa_patience",
    ("", "patience"): "an item of stopping ends a run that no longer improves: course_patience, lisa_patience",
    ("", "layers"): "layers stand in the model: model.layers",
    ("", "epochs"): "it belongs to an item of stopping: {type: max_epochs, epochs: …}",
    ("", "dropout"): "a layer of type dropout does that; keep is the share that stays",
    ("dropout", "rate"): "keep is the share that stays, which is 1 - rate",
    ("dropout", "p"): "keep is the share that stays, which is 1 - p",
    ("dropout", "dropout_rate"): "keep is the share that stays, which is 1 - dropout_rate",
    ("pool", "pool_size"): "size is that of the windows",
}

# Words for a `type` or another choice, by what they are here.
_WORDS = {
    "batch_norm": "batchnorm bn batch_normalization batchnorm1d batchnorm2d",
    "binary_nll": "bce binary_cross_entropy binary_crossentropy",
    "conv": "conv2d convolution convolutional",
    "cuda": "gpu cuda:0",
    "dense": "linear fc fully_connected affine",
    "float32": "float fp32 single",
    "float64": "double fp64",
    "leaky_relu": "lrelu leakyrelu",
    "linear": "identity none",
    "max_epochs": "epochs",
    "mean_squared_error": "mse l2",
    "nesterov": "nag",
    "permute": "shuffle shuffled random",
    "pool": "maxpool max_pool maxpool2d maxpooling max_pooling maxpooling2d avgpool",
    "recurrent": "rnn simplernn",
    "sequential": "mlp cnn nn network feedforward",
    "sigmoid": "logistic",
    "softmax_nll": "cross_entropy crossentropy categorical_crossentropy sparse_categorical_crossentropy nll softmax "
    "log_loss negative_log_likelihood",
    "standardize": "normalize normalise standardise zscore scaling standard_scaler",
    "test": "testing",
    "train": "training",
    "valid": "validation val dev",
    "whiten": "pca zca whitening",
}
_WORDS_OF: dict[str, list[str]] = {}
for _word, _others in _WORDS.items():
    for _other in _others.split():
        _WORDS_OF.setdefault(_other.replace("_", ""), []).append(_word)

# Choices that no word stands for.
_NO_CHOICE = {
    ("activation", "softmax"): "the loss softmax_nll applies the softmax itself: leave the activation of the last "
    "layer out",
    ("type", "relu"): "activation: relu belongs to the layer before, or to one of type activation",
    ("type", "tanh"): "activation: tanh belongs to the layer before, or to one of type activation",
    ("type", "softmax"): "the loss softmax_nll applies the softmax itself: no layer is needed for it",
    ("type", "earlystopping"): "course_patience and lisa_patience end a run that no longer improves",
    ("type", "patience"): "course_patience and lisa_patience end a run that no longer improves",
}


def _plain(word: str) -> str:
    """Return a word as it is looked up: CrossEntropyLoss and cross_entropy are one."""
    return re.sub("[^a-z0-9:]", "", word.casefold()).removesuffix("loss").removesuffix("layer")


def meant_type(word: str, types: Sequence[str]) -> str | None:
    """Return the type that a word stands for, or is most like; None if none is close."""
    return next((each for each in _WORDS_OF.get(_plain(word), ()) if each in types), None) or nearest(word, types)


def meant_word(word: str, choices: Sequence[str], key: str = "") -> str:
    """Return a hint at the choice that a word stands for, as the value of `key`; an empty one if none is known."""
    said = _plain(word)
    if (key, said) in _NO_CHOICE and not any(each in choices for each in _WORDS_OF.get(said, ())):
        return _NO_CHOICE[key, said]
    if (meant := meant_type(word, choices)) is not None:
        return f"did you mean '{meant}'?"
    return ""


def key_here(word: str) -> str:
    """Return what a key of another tool is called here; itself if it is none."""
    return _KEY_OF.get(_as_key(word), word)


def _as_key(word: str) -> str:
    return word.casefold().replace("-", "_")


def meant_key(book: SchemaBook, tree: Node, path: KeyPath, valid: Sequence[str]) -> str:
    """Return a hint at the key that an unknown one stands for, wherever that is; an empty one if none is known.

    path   of the unknown key
    valid  the keys that there are beside it
    """
    *above, last = path
    key, colon, _ = str(last).partition(":")
    if colon and key in valid:
        return f"a colon is followed by a space: '{key}: …'"
    word = _as_key(str(last))
    kind = find(tree, (*above, "type"))
    owners = [kind.text] if isinstance(kind, Scalar) else []
    owners.append(str(above[-1]) if above else "")
    is_override = key_place(tree, path).source.override is not None
    key = key_here(word)
    said = next((_SAID[owner, each] for each in (word, key) for owner in owners if (owner, each) in _SAID), "")
    if said and not (is_override and key == "epochs"):
        return said
    if key in valid:
        return f"did you mean '{key}'?"
    if types := _types_with(book, tree, tuple(above), key):
        return f"type {types[0]} has it" if len(types) == 1 else f"types {', '.join(types)} have it"
    places = [] if above else list(dict.fromkeys(_places(book, tree, key)))
    if len(places) > 1:
        return f"which one: {', '.join(places)}?"
    if is_override and not above and key == "epochs":
        places = ["stopping.max_epochs.epochs"]  # which an override adds where there is none
    near = places[0] if places else nearest(str(last), valid)
    return "" if near is None else f"did you mean '{near}'?"


def _types_with(book: SchemaBook, tree: Node, path: KeyPath, key: str) -> list[str]:
    """Return the other types that the component at `path` may have, and that have the key."""
    if not path:
        return []
    schema: Schema = book.root
    for number, part in enumerate(path):
        schema = book.child(_as_typed(book, schema, find(tree, path[:number])), part)
    found = [name for name, each in book.tags(schema).items() if key in book.keys(each)]
    return sorted(found, key=lambda name: name != key)[:4]  # the one that is called so first


def _as_typed(book: SchemaBook, schema: Schema, node: Node | None) -> Schema:
    """Return the schema of the component that a node is, where its `type` chooses one of several."""
    kind = node.value("type") if isinstance(node, MappingNode) else None
    tags = book.tags(schema)
    return tags.get(kind.text, schema) if isinstance(kind, Scalar) else schema


def _places(book: SchemaBook, tree: Node, key: str) -> Iterator[str]:
    """Yield where in an experiment there is such a key: what it has, then what its sections may have."""
    yield from _places_in(tree, key, ())
    for section, schema in book.root.get("properties", {}).items():
        typed = _as_typed(book, schema, find(tree, (section,)))
        if not book.tags(typed) and key in book.keys(typed):
            yield f"{section}.{key}"


def _places_in(node: Node, key: str, at: tuple[str, ...]) -> Iterator[str]:
    """Yield the dotted places of a key below a node, as an override names them: items of a list by their type."""
    if isinstance(node, ListNode):
        for number, item in enumerate(node.items):
            kind = item.value("type") if isinstance(item, MappingNode) else None
            name = kind.text if isinstance(kind, Scalar) else str(number)
            yield from _places_in(item, key, (*at, name))
    elif isinstance(node, MappingNode):
        for name, entry in node.entries.items():
            if name == key and at:
                yield ".".join((*at, name))
            yield from _places_in(entry.value, key, (*at, name))
