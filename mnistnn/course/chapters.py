"""The chapters of the course, in the order of the slides: their pages, with the experiments and exercises of each.

From this follow the table of contents of `docs/course/`, what `mnistnn course` prints, and the order in which
`mnistnn examples` lists the experiments.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    """A page of the course, which is `docs/course/NAME.md`.

    experiments  names of those that it trains, in its order
    exercises    names of those at its end
    """

    name: str
    title: str
    experiments: tuple[str, ...] = ()
    exercises: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chapter:
    """A chapter: a subject, or one of the nine questions that the slides ask about optimization."""

    title: str
    pages: tuple[Page, ...]


def _course(*names: str) -> tuple[str, ...]:
    return tuple(f"course/{name}" for name in names)


CHAPTERS = (
    Chapter(
        "Derivatives and parameters",
        (
            Page("derivatives", "What a derivative is", (), ("derive-dz", "derive-dw")),
            Page("parameters", "Values, updates and givens"),
        ),
    ),
    Chapter(
        "Units and their history",
        (
            Page("units", "Units, layers and nets"),
            Page("mcculloch-pitts", "McCulloch and Pitts: units that compute logic"),
            Page("hebb", "Hebb: what fires together", _course("hebb")),
            Page(
                "perceptron",
                "The perceptron",
                _course("perceptron_and", "perceptron_xor", "perceptron"),
            ),
            Page("history", "Nine systems, then and now"),
        ),
    ),
    Chapter(
        "From regression to softmax",
        (
            Page("data", "The digits, and three sets of them"),
            Page(
                "regression",
                "Regression and squared error",
                _course("table_regression", "squared_error_linear", "squared_error_sigmoid"),
            ),
            Page(
                "logistic-regression",
                "Logistic regression",
                _course("is_it_a_zero", "four_or_nine", "table_classification"),
            ),
            Page(
                "softmax",
                "Softmax regression",
                _course("sigmoid_normalized"),
                ("argmax-axis", "sum-for-mean"),
            ),
            Page(
                "gradient-descent",
                "Gradient descent",
                (*_course("softmax_full_batch", "softmax_1000_steps"), "softmax", "lisa/logistic_sgd"),
                ("highest-rate", "why-not-8-percent"),
            ),
        ),
    ),
    Chapter(
        "A hidden layer",
        (
            Page("hidden-layer", "A hidden layer", _course("mlp20_5000_digits"), ("bias-length",)),
            Page("backpropagation", "Backpropagation", ("mlp", "lisa/mlp")),
        ),
    ),
    Chapter(
        "How can we make training epochs shorter?",
        (
            Page("mini-batches", "Mini-batches", _course("minibatch_sgd", "random_subset")),
            Page("batch-size", "The size of a mini-batch", _course("batches_of_1", "batches_of_20", "batches_of_500")),
            Page("balanced-batches", "Batches with all classes", _course("stratified_batches")),
        ),
    ),
    Chapter(
        "How many epochs should we train for?",
        (
            Page("overfitting", "Overfitting", _course("few_digits", "loss_up_error_down")),
            Page("early-stopping", "Early stopping", _course("early_stopping"), ("last-epoch",)),
            Page(
                "patience",
                "Patience that grows",
                _course("early_stopping_points", "lisa_patience", "significance_patience"),
                ("last-update",),
            ),
        ),
    ),
    Chapter(
        "How should we initialize weights?",
        (
            Page("symmetry", "Zero and small weights", _course("init_zeros", "init_deep_small"), ("break-symmetry",)),
            Page(
                "glorot",
                "Glorot's rule",
                _course("init_deep_glorot", "init_deep_sigmoid", "init_deep_sigmoid_unscaled"),
            ),
        ),
    ),
    Chapter(
        "Is it a good idea to take steps proportional to the gradient magnitude?",
        (
            Page("elongated-bowls", "Elongated bowls"),
            Page(
                "momentum",
                "Momentum",
                _course("course_momentum", "classical_momentum", "nesterov"),
                ("step-before-smoothing",),
            ),
            Page(
                "whitening",
                "Centring, scaling and whitening",
                _course("standardize", "pca_whitening", "soft_whitening"),
                ("whiten-by-training",),
            ),
        ),
    ),
    Chapter(
        "How do we choose the learning rate?",
        (
            Page(
                "learning-rate",
                "Rates that are too high, too low, and change",
                _course("rate_too_high", "rate_too_low", "bold_driver"),
                ("error-within-budget",),
            ),
            Page("rates-per-weight", "A rate for each weight", _course("adaptive_rates")),
            Page("signs", "Only the sign of the gradient", _course("sign_steps", "rprop")),
            Page("rmsprop", "rmsprop", _course("course_rmsprop", "rmsprop")),
            Page("adagrad-adadelta-adam", "AdaGrad, AdaDelta, Adam", _course("adagrad", "adadelta", "adam")),
            Page(
                "other-alternatives",
                "Other alternatives to gradient descent",
                tuple(
                    f"alternatives/{name}"
                    for name in (
                        "gradient_descent",
                        "sgd",
                        "conjugate_gradient",
                        "l_bfgs",
                        "levenberg_marquardt",
                        "hessian_free",
                    )
                ),
            ),
        ),
    ),
    Chapter(
        "How can we avoid local optima?",
        (Page("local-optima", "Local optima", ("boltzmann/bars_restricted",)),),
    ),
    Chapter(
        "How can we prevent overfitting?",
        (
            Page("penalties", "Large weights have a price", _course("l1_l2", "lisa_l2", "proximal_l1")),
            Page(
                "dropout",
                "Dropout",
                _course("few_digits", "few_digits_dropout", "dropout_units", "dropout_inputs"),
                ("dropout-at-test",),
            ),
            Page("dropconnect", "Dropout of weights, and averages of nets", _course("dropconnect")),
        ),
    ),
    Chapter(
        "How can we impose prior beliefs?",
        (
            Page(
                "distorted-digits",
                "Digits that are moved, scaled and bent",
                (*_course("shift_and_scale"), "history/mlp_800_elastic"),
            ),
        ),
    ),
    Chapter(
        "How do we choose the nonlinear activation functions?",
        (Page("activations", "Sigmoid, tanh, rectified", _course("units_sigmoid", "units_tanh", "units_relu")),),
    ),
    Chapter(
        "Common architectures",
        (
            Page("convolutional-nets", "Convolutional nets", ("cnn_99_in_seconds", "cnn", "lisa/lenet")),
            Page(
                "boltzmann-machines",
                "Boltzmann machines",
                ("boltzmann/bars_visible", "boltzmann/bars_general", "boltzmann/bars_restricted"),
            ),
            Page(
                "contrastive-divergence",
                "Restricted Boltzmann machines and contrastive divergence",
                (*_course("rbm_growing_steps"), "rbm_exact", "rbm_exact_centred"),
            ),
            Page("persistent-chains", "Persistent chains", ("rbm", "lisa/rbm")),
            Page("deep-belief-nets", "Deep belief nets", ("dbn", "dbn_control", "lisa/dbn")),
            Page("autoencoders", "Autoencoders", ("lisa/da", "lisa/da_30", "sda", "lisa/sda")),
            Page("recurrent-nets", "Recurrent nets", ("rnn", "sequences/adding_simple")),
            Page("lstm", "Long short-term memory", ("lstm", "sequences/adding_lstm", "sequences/wave")),
        ),
    ),
    Chapter(
        "The practice of experiments",
        (
            Page("choosing-a-model", "Choosing a model", _course("lisa_l2"), ("read-the-test-once", "is-it-real")),
            Page("saving", "Saving models"),
            Page("looking", "Looking at what a model does"),
        ),
    ),
)


def pages() -> tuple[Page, ...]:
    """Return all pages in their order."""
    return tuple(page for chapter in CHAPTERS for page in chapter.pages)


def experiments_by_chapter() -> list[tuple[str, list[str]]]:
    """Return for each chapter its title, and the experiments that its pages name; each under the first only."""
    known: set[str] = set()
    found = []
    for chapter in CHAPTERS:
        names = list(dict.fromkeys(name for page in chapter.pages for name in page.experiments if name not in known))
        known.update(names)
        found.append((chapter.title, names))
    return found
