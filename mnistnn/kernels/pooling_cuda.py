"""Max-pools as kernels for a GPU: one launch each way. The formulas are in `pooling.py`.

i counts the numbers of y (c, oh, ow, images); z and dz are (c, height, width, images).
"""

from mnistnn.cuda import Kernel

_PLACE = """\
size_t image = i % images, s = i / images % ow, r = i / images / ow % oh, c = i / images / ow / oh;
size_t corner = ((c * height + r * down) * width + s * across) * images + image;
"""
_SIZES = "long long images, long long oh, long long ow, long long height, long long width"
_WINDOW = "long long kh, long long kw, long long down, long long across"

max_pool = Kernel(
    "max_pool",
    f"const Real* z, Real* y, {_SIZES}, {_WINDOW}",
    _PLACE
    + """\
Real largest = z[corner];
for (long long a = 0; a < kh; ++a)
    for (long long b = 0; b < kw; ++b) {
        Real pixel = z[corner + (a * width + b) * images];
        largest = largest >= pixel || largest != largest ? largest : pixel;
    }
y[i] = largest;
""",
)

# Windows do not overlap, so each pixel is read and then written by one thread: dz may be z.
max_pool_backward = Kernel(
    "max_pool_backward",
    f"const Real* dy, const Real* z, const Real* y, Real* dz, {_SIZES}, {_WINDOW}, long long all_ties",
    _PLACE
    + """\
Real left = dy[i], largest = y[i];
for (long long a = 0; a < kh; ++a)
    for (long long b = 0; b < kw; ++b) {
        size_t at = corner + (a * width + b) * images;
        Real hit = z[at] == largest ? left : Real(0);
        dz[at] = hit;
        if (!all_ties) left -= hit;
    }
""",
)
