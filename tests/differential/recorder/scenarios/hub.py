"""Legacy actors with a hub, and connections to a hub."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import kit
from ..registry import table

if TYPE_CHECKING:
    from ..transcript import Transcript

KEYS = """KeysDictionary("cam", (2, 5),
    Key("exp", Float(units="s")), Key("state", Enum("idle", "busy"), Int()),
    Key("names", String() * (0,)),
    *[Key("key%02d" % n, Int()) for n in range(12)])
"""


def keys(t: Transcript) -> None:
    """Provide the package of the dictionaries."""
    sys.modules.pop("actorkeys", None)
    folder = t.hide(tempfile.mkdtemp(), "<folder>")
    package = Path(folder) / "actorkeys"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "cam.py").write_text(KEYS)
    sys.path.insert(0, folder)


def finish(line: bytes) -> bytes | None:
    """Answer a command as its actor would."""
    commander, mid, target, *_ = line.split()
    if target == b"quiet":
        return None
    if target == b"bad":
        return b'%s %s %s f error="no"\n' % (commander, mid, target)
    return b'%s %s %s > \n%s %s %s : text="done"\n' % (
        commander,
        mid,
        target,
        commander,
        mid,
        target,
    )


NAMES = (
    "start",
    "start_get_keys",
    "no_get_keys",
    "send",
    "send_failed",
    "send_twice",
    "send_args",
    "send_mid",
    "send_commander",
    "send_command",
    "send_callback",
    "time_limit",
    "replies",
    "reply_broken",
    "reply_unknown_key",
    "reply_unknown_actor",
    "reply_wrong_value",
    "keys_reply",
    "callbacks",
    "connected",
    "stop",
    "lost",
    "mid_wraps",
    "case",
    "running_commands",
    "callback_arity",
    "reload",
    "send_before_start",
    "handle_reply",
    "set_value",
    "key_callbacks",
    "reply_in_parts",
    "codes",
)


@table("tron", {name: {"name": name} for name in NAMES})
async def tron(t: Transcript, name: str) -> None:
    from clu import Command
    from clu.legacy import TronConnection

    keys(t)
    hub = await kit.Hub(t, finish).start()
    one = t.quietly("make", TronConnection, "APO.me", "127.0.0.1", port=hub.port, models=["cam"])
    if one is None:
        return
    t.attributes(
        "tron", one, "name", "commander", "host", "port", "mid", "models", "running_commands"
    )
    if name == "send_before_start":
        t.quietly("send", one.send_command, "cam", "status")
        return
    if name == "handle_reply":
        t.call("handle", one._handle_reply, b".cam 0 cam i exp=5\n")
        t.note("value", one.models["cam"]["exp"].value)
        hub.close()
        return
    model = one.models["cam"]
    if name in ("callbacks", "callback_arity", "replies"):
        model.register_callback(t.callback("model"))
        model["exp"].register_callback(t.callback("key"))
    value = await t.wait(
        "start", one.start(get_keys=name != "no_get_keys") if name != "start" else one.start()
    )
    t.note("start returns it", value is one)
    await asyncio.sleep(0.05)
    t.call("connected", one.connected)
    if name.startswith("send") or name in ("running_commands", "mid_wraps", "time_limit"):
        target, line, args, keywords = "cam", "status", [], {}
        if name == "send_failed":
            target = "bad"
        if name == "send_args":
            args = ["a", 5]
        if name == "send_mid":
            keywords = {"mid": 77}
        if name == "send_commander":
            keywords = {"commander": "APO.you"}
        if name == "send_command":
            keywords = {"command": Command("x", commander_id=3, command_id=9)}
        if name == "send_callback":
            keywords = {"callback": t.callback("reply")}
        if name in ("time_limit",):
            target, keywords = "quiet", {"time_limit": 0.05}
        if name == "running_commands":
            target = "quiet"
        if name == "mid_wraps":
            one.mid = 2**32 - 2
        for _ in range(3 if name in ("send_twice", "mid_wraps") else 1):
            command = t.quietly("send", one.send_command, target, line, *args, **keywords)
            t.note("type", type(command).__name__)
            if isinstance(command, asyncio.Future):
                t.note("running", {str(k): type(k).__name__ for k in one.running_commands})
                t.attributes(
                    "sent",
                    command,
                    "command_id",
                    "commander_id",
                    "consumer_id",
                    "raw_command_string",
                    "body",
                )
                if name != "running_commands":
                    await kit.ended(t, command, timeout=1)
                    t.note(
                        "replies",
                        [
                            [
                                str(r.message_code),
                                str(r.message),
                                [k.name for k in r.keywords or []],
                            ]
                            for r in command.replies
                        ],
                    )
        t.note("still running", len(one.running_commands))
        t.note("mid", one.mid)
    rows: dict[str, tuple[bytes, ...]] = {
        "replies": (
            b".cam 0 cam i exp=1.5; state=busy,3\n",
            b".cam 0 cam i exp=1.5\n",
            b'APO.me 5 cam w names=a,"b c"\n',
        ),
        "reply_broken": (b"nonsense\n", b".cam 0 cam i exp=2\n", b"\n", b"\xff\xfe\n"),
        "reply_unknown_key": (b".cam 0 cam i zzz=1\n", b".cam 0 cam i zzz=1\n"),
        "reply_unknown_actor": (b".tcc 0 tcc i exp=1\n",),
        "reply_wrong_value": (
            b".cam 0 cam i exp=abc\n",
            b".cam 0 cam i exp\n",
            b".cam 0 cam i exp=1,2,3\n",
            b".cam 0 cam i state=odd,1\n",
        ),
        "keys_reply": (b".hub 0 keys_cam i exp=7\n", b"APO.me 1 keys_cam i exp=8\n"),
        "callbacks": (b".cam 0 cam i exp=1.5\n", b".cam 0 cam i exp=1.5; names\n"),
        "case": (b".cam 0 cam i EXP=1.5\n", b".cam 0 CAM i exp=2\n"),
        "reply_in_parts": (b".cam 0 cam i e", b"xp=9\n.cam 0 cam i", b" exp=10\n"),
        "codes": tuple(
            b".cam 0 cam %s exp=%d\n" % (c, n)
            for n, c in enumerate((b"I", b"W", b"D", b"E", b"F", b"!", b":", b">", b"x"))
        ),
    }
    for data in rows.get(name, ()):
        hub.send(data)
        await asyncio.sleep(0.05)
        t.note("values", {k: model[k].value for k in ("exp", "state", "names")})
    if name in rows:
        t.note("native", model["exp"].keyword and [str(v) for v in model["exp"].keyword.values])
        t.note("seen", [model.last_seen is not None, model["exp"].last_seen is not None])
        t.attributes("key", model["exp"], "name", "value", "in_schema")
        t.call("item", lambda: model["exp"][0])
        t.call("flatten", lambda: sorted(model.flatten())[:4])
        t.call("jsonify", lambda: json.loads(model.jsonify()))
        t.call("jsonify text", lambda: model.jsonify()[:40])
        t.call("true", lambda: bool(model["exp"]))
    if name == "reload":
        t.call("reload", model.reload)
        t.note("keys", len(model))
    if name == "set_value":
        t.call("set", setattr, model["exp"], "value", [5.5])
        t.note("value", model["exp"].value)
        t.call("item", model.__setitem__, "exp", 7)
        t.note("item", model["EXP"])
    if name == "key_callbacks":
        function = t.callback("key")
        t.call("register", model["exp"].register_callback, function)
        t.call("remove", model["exp"].remove_callback, function)
        t.call("remove again", model["exp"].remove_callback, function)
    if name == "lost":
        for writer in hub.writers:
            writer.close()
        await asyncio.sleep(0.1)
        t.call("connected lost", one.connected)
        t.quietly("send lost", one.send_command, "cam", "status")
    t.call("stop", one.stop)
    await asyncio.sleep(0.02)
    t.call("connected stopped", one.connected)
    if name == "stop":
        t.call("stop again", one.stop)
    hub.close()


@table(
    "legacy_hub",
    {
        name: {"name": name}
        for name in (
            "start",
            "start_no_nubs",
            "start_no_keys",
            "send",
            "send_command",
            "send_child",
            "no_hub",
            "no_hub_send",
            "reconnect_command",
            "models",
            "stop",
            "from_hub",
        )
    },
)
async def legacy_hub(t: Transcript, name: str) -> None:
    keys(t)
    hub = await kit.Hub(t, finish).start()

    @kit.command()
    async def ask(command: Any) -> None:
        sent = command.send_command("cam", "status")
        t.note("sent", type(sent).__name__)
        t.note("status", (await sent).status)
        command.finish()

    port = kit.free_port()
    options = (
        {}
        if name.startswith("no_hub")
        else {"tron_host": "127.0.0.1", "tron_port": hub.port, "models": ["cam"]}
    )
    actor = t.quietly("make", kit.build, "legacy", port=port, **options)
    actor.parser = kit.parser(ask)
    t.attributes("actor", actor, "models")
    t.note("tron", type(actor.tron).__name__)
    keywords = {"start_no_nubs": {"start_nubs": False}, "start_no_keys": {"get_keys": False}}.get(
        name, {}
    )
    await t.wait("start", actor.start(**keywords))
    await asyncio.sleep(0.1)
    t.note("commands", sorted(actor.parser.commands))
    if name in ("send", "no_hub_send"):
        command = t.quietly("send", actor.send_command, "cam", "status")
        if isinstance(command, asyncio.Future):
            await kit.ended(t, command)
    if name in ("send_command", "send_child", "reconnect_command"):
        line = await kit.Line(t).connect(port)
        await asyncio.sleep(0.05)
        line.send(b"5 tron_reconnect\n" if name == "reconnect_command" else b"5 ask\n")
        await asyncio.sleep(0.2)
        line.close()
    if name == "from_hub":
        line = await kit.Line(t).connect(port)
        line.send(b"apo.user 9 ping\n")
        await asyncio.sleep(0.1)
        line.close()
    await kit.stop(actor)
    await asyncio.sleep(0.02)
    hub.close()
