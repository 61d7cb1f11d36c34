# SPDX-License-Identifier: BSD-2-Clause
"""The guide, live: started by tests/net/demo."""
import sys
import textwrap

import guide
from lab import Lab

LIMIT = 60  # seconds until the demo gives up on a daemon


def say(text=""):
    print(textwrap.fill(" ".join(text.split()), 78), flush=True)


def show(node, command, output):
    print(f"\n{node.name}$ {command}\n{output.rstrip()}\n", flush=True)


def demo(lab):
    liars = [u for u in guide.UPSTREAMS if u.lie]
    say(f"""{len(guide.UPSTREAMS)} upstream servers under the guide's names start in a network of their own.
        {len(liars)} of them lie: """
        + " and ".join(f"{u.name} by {u.lie * 1000:+.0f} ms" for u in liars) + ".")
    world = guide.World(lab)

    say("""Our server starts with the guide's server file. It asks each upstream ten times in about a minute, at first
        every two seconds (iburst), and steers a software clock: the machine's own stays as it is.""")
    server = world.start_server()
    _, seconds = guide.wait_server(world, server, LIMIT)
    say(f"After {seconds:.1f} s it has found the five that agree and the two that do not; the burst goes on.")
    guide.wait_burst(world.server, LIMIT)
    show(world.server, "ntpq -p", guide.ntpq_p(world.server))
    say("""'*' is the system peer, '+' takes part in the combined offset, '-' was left out as the least precise, 'x' is
        a falseticker. Delay, offset and jitter are milliseconds; reach is an octal register of the last eight
        polls.""")
    show(world.server, "ntpstat", guide.ntpstat(world.server).stdout)

    say(f"A client starts with the guide's client file. It knows one server only, {guide.SERVER_NAME}.")
    client = world.start_client()
    _, seconds = guide.wait_client(world, client, LIMIT)
    say(f"After {seconds:.1f} s it follows our server, one stratum further down.")
    guide.wait_burst(world.client, LIMIT)
    show(world.client, "ntpq -p", guide.ntpq_p(world.client))
    show(world.client, "ntpstat", guide.ntpstat(world.client).stdout)
    say(f"The logs are in {lab.dir}.")


def main():
    try:
        with Lab("demo") as lab:
            demo(lab)
    except KeyboardInterrupt:
        print("\nStopped; nothing is left behind.")
        return 130
    except (AssertionError, OSError) as e:
        print(f"demo: {e}\nThe logs are in build/tests/net/demo.", file=sys.stderr)
        return 1
    return 0


sys.exit(main())
