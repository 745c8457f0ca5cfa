"""Signature Version 4: who has signed a request, and what AWS answers if nobody known has.

Pure: no sockets, no clock, no moto. Keys and the time are given to it.
AWS: "Signature Version 4 for API requests" in the IAM user guide.
"""
