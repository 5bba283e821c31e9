"""`zoo hub serve`: a local hub over HTTP, in the interface of the Hugging Face Hub.

The client huggingface-hub, and `zoo` with `--endpoint`, read and write it as they do the site.
Reading needs no token, unless a repository is private or the whole hub is closed; writing does.
"""

MAX_SIZE = 1 << 30
"""Bytes that a file may have, unless told otherwise."""
