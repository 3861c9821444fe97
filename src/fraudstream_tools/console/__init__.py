"""The console: pages for people who review alerts, served on 127.0.0.1 by the command `fraudstream console`.

Pages call the functions of `fraudstream_tools.operations` and show what comes of them; they decide nothing themselves.
"""
