"""A small process that starts a command and writes down its peak memory, in kilobytes (bytes on macOS).

A child is charged with the memory of whoever starts it, so whoever measures does not start it himself.
"""

LAUNCHER = """
import os, sys
child = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(child, 0)
with open(sys.argv[1], "w") as file:
    file.write(str(usage.ru_maxrss))
sys.exit(os.waitstatus_to_exitcode(status) % 256)
"""
