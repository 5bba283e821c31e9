"""What the zoo's deep algorithms are built on. It registers nothing; README.md maps its modules.

Fully connected networks are differentiated by hand, in NumPy: forward and backward passes on
views of one flat vector of parameters (`zoo_torch.mlp`), the distributions of the policy
(`zoo_torch.distributions`), and the optimisers. An algorithm adds the derivatives of its loss by
log-probabilities, values and entropy, which are a few lines; the tests hold all of it to what
PyTorch's autograd gives for the loss written plainly.

For networks of this size that is several times as fast as PyTorch, compiled or not, has nothing
to compile, does not depend on whether it was compiled, and a process need not import PyTorch.
Processor time here (one core) for the update of two networks of 64 and 64 units:

    batch                               64       256
    autograd, flat parameters         0.95 ms   1.25 ms
    networks by hand, loss autograd   0.44 ms   0.64 ms
    all by hand                       0.17 ms   0.37 ms

PyTorch comes in where there is more to compute: as an encoder of images in front of these
networks (`zoo_torch.encoders`), on the CPU or a GPU, whose parameters are a piece of the same
vector, and for Adam's steps of so long a vector (`zoo_torch.fused`). All else behind an encoder
stays as it is, and always on the CPU. Milliseconds here (one core) for the network of Nature's DQN
and frames of 84 x 84 x 4:

    batch                                      1       32      256
    features                                 0.6        9       60
    features and gradient                    2.2       21      180
    how features move with parameters        1.8       23      200
    features by the agent, in NumPy          0.9
"""
