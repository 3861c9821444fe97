"""What operators do to a running fraudstream: functions for scripts, the command and whatever else shows them.

Nothing here prints or asks; errors are raised and say what to do.
"""
