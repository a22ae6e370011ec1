"""The parts of `benchmarks/separation.py`: who separates touching cells best, and how surely."""
