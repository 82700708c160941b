"""``clu stubs``: what an actor tells of itself as Python types, for editors and type checkers."""
