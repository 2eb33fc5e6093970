"""The scatter of a convolution's gradient (col2im) as a kernel for a GPU that gathers instead. See `convolution.py`.

i counts the numbers of dx (c, height, width, images). Each adds up what the windows that see the pixel have for it, in
the order in which the array code adds: place by place in the window.
"""

from mnistnn.cuda import Kernel

gather_from_patches = Kernel(
    "gather_from_patches",
    "const Real* d_patches, Real* dx, long long images, long long height, long long width, long long kh, long long kw, "
    "long long oh, long long ow, long long down, long long across, long long flipped",
    """
long long image = i % images, x = i / images % width, y = i / images / width % height, c = i / images / width / height;
Real sum = 0;
for (long long a = 0; a < kh; ++a)
    for (long long b = 0; b < kw; ++b) {
        long long r = (y - a) / down, s = (x - b) / across;
        if (y < a || x < b || r * down != y - a || s * across != x - b || r >= oh || s >= ow) continue;
        long long p = flipped ? kh - 1 - a : a, q = flipped ? kw - 1 - b : b;
        sum += d_patches[((((c * kh + p) * kw + q) * oh + r) * ow + s) * images + image];
    }
dx[i] = sum;
""",
)
