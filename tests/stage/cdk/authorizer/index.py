"""Lets in who gives a name."""


def handler(event, context):
    name = event["queryStringParameters"]["name"]
    effect = "Deny" if name == "mallory" else "Allow"
    return {
        "principalId": name,
        "context": {"name": name},
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Action": "execute-api:Invoke", "Effect": effect, "Resource": event["methodArn"]}],
        },
    }
