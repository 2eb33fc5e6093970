"""The course: its chapters and pages, and exercises that check themselves.

The pages are in `docs/course/`. Here is what the program must know of them: their order, the experiments that they run,
and the exercises.
"""
