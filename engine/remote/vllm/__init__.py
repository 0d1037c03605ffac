"""vLLM-Omni: the published server for Step-Audio 2 on GPUs. It was written against release 0.30.0's sources, see
docs/cluster.md.
"""
