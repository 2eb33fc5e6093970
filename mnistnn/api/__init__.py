"""What Python programs use, and `mnistnn` exports: each function or class does what a command does."""
