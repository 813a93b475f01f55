"""A simulated year of a help centre: a seed decides all that happens in it, and plays it again."""
