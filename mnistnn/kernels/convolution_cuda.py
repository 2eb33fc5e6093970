"""Patches of a convolution as kernels for a GPU: made of the images (im2col), and their gradients taken back (col2im).

See `convolution.py`. Images are (c, height, width, images), patches (c, kh, kw, oh, ow, images).
"""

from mnistnn.backend.cuda import Kernel

AT_ONCE = 4  # images that one thread copies, at the same place; to find the place takes longer than to copy

_SIZES = (
    "long long images, long long height, long long width, long long kh, long long kw, long long oh, long long ow, "
    "long long down, long long across, long long flipped"
)

# i counts the numbers of the patches, of each AT_ONCE images one.
gather_patches = Kernel(
    "gather_patches",
    f"const Real* x, Real* patches, {_SIZES}",
    f"""
Index apart = ((Index)images + {AT_ONCE - 1}) / {AT_ONCE}, rest = (Index)i;
Index first = rest % apart; rest /= apart;
size_t position = rest;
int s = rest % (Index)ow; rest /= (Index)ow;
int r = rest % (Index)oh; rest /= (Index)oh;
int b = rest % (Index)kw; rest /= (Index)kw;
int a = rest % (Index)kh; rest /= (Index)kh;
int y = r * (int)down + (flipped ? (int)kh - 1 - a : a), z = s * (int)across + (flipped ? (int)kw - 1 - b : b);
const Real* from = x + ((rest * (size_t)height + y) * width + z) * images;
for (Index image = first; image < (Index)images; image += apart) patches[position * images + image] = from[image];
""",
)

# i counts the numbers of dx. Each adds up what the windows that see the pixel have for it, in the order in which the
# array code adds: place by place in the window.
gather_from_patches = Kernel(
    "gather_from_patches",
    f"const Real* d_patches, Real* dx, {_SIZES}",
    """
Index rest = (Index)i;
Index image = rest % (Index)images; rest /= (Index)images;
int x = rest % (Index)width; rest /= (Index)width;
int y = rest % (Index)height; rest /= (Index)height;
int lowest = y / (int)down, rightmost = x / (int)across;
lowest = lowest < (int)oh ? lowest : (int)oh - 1;
rightmost = rightmost < (int)ow ? rightmost : (int)ow - 1;
Real sum = 0;
for (int r = lowest; r >= 0 && y - r * (int)down < (int)kh; --r) {
    int a = y - r * (int)down, p = flipped ? (int)kh - 1 - a : a;
    for (int s = rightmost; s >= 0 && x - s * (int)across < (int)kw; --s) {
        int b = x - s * (int)across, q = flipped ? (int)kw - 1 - b : b;
        sum += d_patches[((((rest * (size_t)kh + p) * kw + q) * oh + r) * ow + s) * images + image];
    }
}
dx[i] = sum;
""",
)
