"""The trainings, what they learn from, and how weights go in and out. `train` and `go_on` run them all."""
