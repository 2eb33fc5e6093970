"""Max-pools as kernels for a GPU: one launch each way. The formulas are in `pooling.py`.

i counts the numbers of y (c, oh, ow, images), of each AT_ONCE images one; z and dz are (c, height, width, images).
"""

from mnistnn.backend.cuda import Kernel

AT_ONCE = 4  # images that one thread takes, at the same place; to find the place takes longer than to compare

_PLACE = """\
Index apart = ((Index)images + AT_ONCE - 1) / AT_ONCE, rest = (Index)i;
Index first = rest % apart; rest /= apart;
size_t position = rest;
Index s = rest % (Index)ow; rest /= (Index)ow;
Index r = rest % (Index)oh; rest /= (Index)oh;
size_t of_window = ((rest * (size_t)height + r * down) * width + s * across) * images;
for (Index image = first; image < (Index)images; image += apart) {
    size_t corner = of_window + image, of_y = position * images + image;
""".replace("AT_ONCE", str(AT_ONCE))
_SIZES = "long long images, long long oh, long long ow, long long height, long long width"
_WINDOW = "long long kh, long long kw, long long down, long long across"

max_pool = Kernel(
    "max_pool",
    f"const Real* z, Real* y, {_SIZES}, {_WINDOW}",
    _PLACE
    + """\
    Real largest = z[corner];
    for (int a = 0; a < (int)kh; ++a)
        for (int b = 0; b < (int)kw; ++b) {
            Real pixel = z[corner + (a * width + b) * images];
            largest = largest >= pixel || largest != largest ? largest : pixel;
        }
    y[of_y] = largest;
}
""",
)

# Windows do not overlap, so each pixel is read and then written by one thread: dz may be z.
max_pool_backward = Kernel(
    "max_pool_backward",
    f"const Real* dy, const Real* z, const Real* y, Real* dz, {_SIZES}, {_WINDOW}, long long all_ties",
    _PLACE
    + """\
    Real left = dy[of_y], largest = y[of_y];
    for (int a = 0; a < (int)kh; ++a)
        for (int b = 0; b < (int)kw; ++b) {
            size_t at = corner + (a * width + b) * images;
            Real hit = z[at] == largest ? left : Real(0);
            dz[at] = hit;
            if (!all_ties) left -= hit;
        }
}
""",
)
