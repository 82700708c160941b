# ruff: noqa: F821
KeysDictionary(
    "guider",
    (1, 0),
    Key("guiding", Bool("F", "T"), help="Whether the guider follows a star."),
    Key("offset", Float(units="arcsec", name="ra"), Float(units="arcsec", name="dec")),
    Key("frame", Int(), help="The number of the last frame."),
    Key("text", String(), help="A message for people."),
    Key("error", String(), help="Why a command failed."),
)
