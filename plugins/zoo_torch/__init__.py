"""What the zoo's deep algorithms are built on. It registers nothing.

An algorithm writes its loss once, in plain PyTorch, as a function of what its networks put out.
Autograd differentiates that; what lies below, fully connected layers, is differentiated by hand
in NumPy (`zoo_torch.mlp`), which for networks of this size is two to three times as fast as
PyTorch's own forward and backward pass, with nothing to compile.
"""
