"""Separate touching cells in microscopy images without labels."""
