"""Code that every part of this app builds on: hashes and calendar durations."""
