"""Every AWS API call comes in here: read once, checked in steps, answered by moto or a service's room."""
