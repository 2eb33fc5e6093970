"""What judges the answer to each exercise, by its name: a file each."""

from mnistnn.course.checks import (
    argmax_axis,
    bias_length,
    break_symmetry,
    derive_dw,
    derive_dz,
    dropout_at_test,
    error_within_budget,
    highest_rate,
    is_it_real,
    last_epoch,
    last_update,
    read_the_test_once,
    step_before_smoothing,
    sum_for_mean,
    whiten_by_training,
    why_not_8_percent,
)
from mnistnn.course.finding import Check

CHECKS: dict[str, Check] = {
    "argmax-axis": argmax_axis.check,
    "bias-length": bias_length.check,
    "break-symmetry": break_symmetry.check,
    "derive-dw": derive_dw.check,
    "derive-dz": derive_dz.check,
    "dropout-at-test": dropout_at_test.check,
    "error-within-budget": error_within_budget.check,
    "highest-rate": highest_rate.check,
    "is-it-real": is_it_real.check,
    "last-epoch": last_epoch.check,
    "last-update": last_update.check,
    "read-the-test-once": read_the_test_once.check,
    "step-before-smoothing": step_before_smoothing.check,
    "sum-for-mean": sum_for_mean.check,
    "whiten-by-training": whiten_by_training.check,
    "why-not-8-percent": why_not_8_percent.check,
}
