"""Whether our requests to vLLM-Omni, and the stand-in's answers, are as its own classes want them.

python -m tests.quality.vllm_protocol.record spoken.json      # here
python tests/quality/vllm_protocol/check.py spoken.json       # in an environment with vllm and vllm-omni, no GPU
"""
