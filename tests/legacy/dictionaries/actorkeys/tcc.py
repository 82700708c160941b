# ruff: noqa: F821
KeysDictionary(
    "tcc",
    (2, 5),
    Key(
        "axisCmdState",
        Enum("Drifting", "Halted", "Slewing", "Tracking", name="axisState") * 3,
        help="What the controllers were told: azimuth, altitude, rotator.",
    ),
    Key("axePos", Float(units="deg", invalid="NaN") * 3, help="Where the axes are."),
    Key("objName", String(), help="The object; text from <the operator>."),
    Key("objNetPos", PVT(name="pvt", help="Position of one axis."), ByName("pvt")),
    Key("secFocus", Float(units="um")),
    Key("tccStatus", String(), Bits("az", "alt:2", ":1", "rot"), Hex()),
    Key("exposures", Int(), UInt() * (0, 2)),
    Key("enabled", Bool("F", "T"), doCache=False, refreshCmd="status"),
    Key("slewing"),
    Key("names", String() * (0,)),
    *[Key(f"coeff{index}", Double() * (1, 5), Long()) for index in range(0)],
)
