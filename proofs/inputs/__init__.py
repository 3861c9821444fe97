"""Whatever reads what others wrote takes anything: it refuses by its own error, tells no value, and works in bounds."""
