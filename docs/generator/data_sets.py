"""The page of the data sets that mnistnn knows by name: what its catalogue says of them."""

from generator.markdown import anchor, escaped, page, table

from mnistnn.data.datasets.catalogue import KNOWN_SETS
from mnistnn.data.datasets.known_set import KnownSet
from mnistnn.data.spec import Data


def page_of_data_sets() -> str:
    """Return the page."""
    return page(
        "# Data sets",
        "Made of mnistnn's catalogue by `make docs`; not to be edited.",
        "Experiments name these sets by `data.dataset`, and so do `data fetch`, `data add` and `data show`; "
        "`mnistnn data list` says which are here. Every file is compared with a digest before it is used. A set that "
        "mnistnn fetches or makes is there when an experiment first needs it. "
        "[Your own](../how-to/use-your-own-data.md) have any other name.",
        table(
            ["name", "what it shows", "pixels", "classes", "train", "valid", "test", "licence"],
            ([f"[`{name}`](#set-{name})", *_row(known)] for name, known in KNOWN_SETS.items()),
        ),
        "Of the training images, the last are for validation: so many, where an experiment says nothing else.",
        *(part for name, known in KNOWN_SETS.items() for part in _section(name, known)),
    )


def _row(known: KnownSet) -> list[str]:
    valid = _validation(known)
    counts = (known.classes, known.train_examples - valid, valid, known.test_examples)
    return [
        escaped(known.title),
        "{}×{}".format(*known.image_shape),
        *(f"{count:,}" for count in counts),
        escaped(known.licence),
    ]


def _validation(known: KnownSet) -> int:
    return Data().validation_examples if known.validation_examples is None else known.validation_examples


def _section(name: str, known: KnownSet) -> list[str]:
    names = "" if known.class_names is None else f"Classes: {escaped(', '.join(known.class_names))}."
    title, way = escaped(known.title), escaped(known.way(name))
    return [
        anchor(f"set-{name}"),
        f"## {name}",
        f"{title[0].upper()}{title[1:]}. {escaped(known.citation)}. Licence: {escaped(known.licence)}.",
        names,
        f"{way[0].upper()}{way[1:]}.",
    ]
