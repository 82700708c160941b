# ruff: noqa: F821
KeysDictionary("many", (1, 0), *[Key(f"key{i}", Float() * 3, String()) for i in range(300)])
