"""A product of matrices whose sums have few terms, as a kernel for a GPU: cuBLAS cuts such sums up and takes longer."""

from mnistnn.backend.cuda import Kernel

# i counts the numbers of out (m, columns), of k terms each; a_row is how far one row of a is from the next, and so on.
short_sums = Kernel(
    "short_sums",
    "const Real* a, const Real* b, Real* out, long long columns, long long k, long long a_row, long long a_column, "
    "long long b_row, long long b_column, long long out_row, long long out_column",
    """
size_t row = (Index)i / (Index)columns, column = (Index)i % (Index)columns;
const Real* left = a + row * a_row;
const Real* right = b + column * b_column;
Real sum = 0;
for (int term = 0; term < (int)k; ++term) sum += left[term * a_column] * right[term * b_row];
out[row * out_row + column * out_column] = sum;
""",
)
