# ruff: noqa: F821
KeysDictionary("another", (1, 0), Key("a", Int()))
