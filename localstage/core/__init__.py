"""What API Gateway decides, as plain functions and values.

Lives here: route selection, identifiers, events, error frames, proxy results,
management requests. Does not know: sockets, asyncio, boto3, moto, the clock.
Times and random bytes come in as arguments. Of the other parts it imports
``localstage.policy`` alone, which is as pure.
"""
