"""How numbers are computed here: NumPy or CuPy, memory, threads, products, random streams, compiled code."""
