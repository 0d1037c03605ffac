"""What a CPU does differently: single rows, long prompts by numpy; packed matrices, the vocoder by onnxruntime."""

from engine.backends.cpu.cpu import LARGE_BYTES, Cpu
from engine.backends.cpu.packed_product import Packed

__all__ = ["LARGE_BYTES", "Cpu", "Packed"]
