"""Models on other machines: the same conversations, while reading and writing happen elsewhere.

`connecting.connect` finds out which kind of server answers at an address; each kind is a package here.
"""
