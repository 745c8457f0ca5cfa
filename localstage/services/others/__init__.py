"""Services of which only a type in templates is known here."""
