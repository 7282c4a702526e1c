"""Measurements of what protection costs: ``python -m benchmarks [GROUP ...] [--json]``.

Every figure is a ratio (or a rate) taken in one run on one machine: the protected and the raw form
are run in turn, many times, and the median decides. Nothing here is a test that can fail by time;
``tests/benchmarks`` runs each group at a tiny size and looks at the shape of what it prints.
"""
