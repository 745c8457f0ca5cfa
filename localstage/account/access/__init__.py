"""Who may call: keys, signatures at the door, and what policies grant to whom."""
