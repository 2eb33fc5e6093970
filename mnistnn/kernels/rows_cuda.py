"""A mini-batch gathered by one kernel on a GPU: its examples and their labels."""

from mnistnn.backend.cuda import Kernel

# x (N, size), labels (N,), rows (n,); taken (n, size) and of_taken (n,), i counts the numbers of `taken`.
take_examples = Kernel(
    "take_examples",
    "const Real* x, const long long* labels, const long long* rows, Real* taken, long long* of_taken, long long size",
    """
Index place = (Index)i / (Index)size, within = (Index)i % (Index)size;
taken[i] = x[rows[place] * size + within];
if (within == 0) of_taken[place] = labels[rows[place]];
""",
)
