"""Which actions on which resources each AWS API call needs."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from tests.pure.permission_cases import ACCOUNT, ALICE, TABLE, needs, whole_needs

DB = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table"
LOGS = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group"
LAMBDA = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function"
IAM = f"arn:aws:iam::{ACCOUNT}"
KEY = {"Key": {"room_id": {"S": "lobby"}}}


@pytest.mark.parametrize(
    ("target", "body", "wanted"),
    [
        ("PutItem", {"TableName": "Messages", "Item": {}}, [("dynamodb:PutItem", TABLE)]),
        ("GetItem", {"TableName": TABLE, "Key": {}}, [("dynamodb:GetItem", TABLE)]),
        ("Query", {"TableName": "Messages", "IndexName": "by-day"}, [("dynamodb:Query", f"{TABLE}/index/by-day")]),
        ("Scan", {"TableName": "Messages"}, [("dynamodb:Scan", TABLE)]),
        ("ListTables", {}, [("dynamodb:ListTables", f"{DB}/*")]),
        ("DescribeLimits", {}, [("dynamodb:DescribeLimits", "*")]),
        ("TagResource", {"ResourceArn": TABLE}, [("dynamodb:TagResource", TABLE)]),
        (
            "CreateTable",
            {"TableName": "Messages", "Tags": [{"Key": "a", "Value": "b"}]},
            [("dynamodb:CreateTable", TABLE), ("dynamodb:TagResource", TABLE)],
        ),
        (
            "BatchWriteItem",
            {"RequestItems": {"A": [], "B": []}},
            [("dynamodb:BatchWriteItem", f"{DB}/A"), ("dynamodb:BatchWriteItem", f"{DB}/B")],
        ),
        ("BatchGetItem", {"RequestItems": {"A": {"Keys": []}}}, [("dynamodb:BatchGetItem", f"{DB}/A")]),
        (
            "TransactWriteItems",
            {
                "TransactItems": [
                    {"Put": {"TableName": "A", "Item": {}}},
                    {"Delete": {"TableName": "B", "Key": {}}},
                    {"Update": {"TableName": "C", "Key": {}}},
                    {"ConditionCheck": {"TableName": "D", "Key": {}}},
                ]
            },
            [
                ("dynamodb:PutItem", f"{DB}/A"),
                ("dynamodb:DeleteItem", f"{DB}/B"),
                ("dynamodb:UpdateItem", f"{DB}/C"),
                ("dynamodb:ConditionCheckItem", f"{DB}/D"),
            ],
        ),
        (
            "TransactGetItems",
            {"TransactItems": [{"Get": {"TableName": "A", "Key": {}}}]},
            [("dynamodb:GetItem", f"{DB}/A")],
        ),
        (
            "ExecuteStatement",
            {"Statement": 'SELECT * FROM "Messages"."by-day" WHERE x = 1'},
            [("dynamodb:PartiQLSelect", f"{TABLE}/index/by-day")],
        ),
        ("ExecuteStatement", {"Statement": "insert into Messages value {'a': 1}"}, [("dynamodb:PartiQLInsert", TABLE)]),
        (
            "BatchExecuteStatement",
            {"Statements": [{"Statement": 'UPDATE "A" SET x=1'}, {"Statement": "DELETE FROM B"}]},
            [("dynamodb:PartiQLUpdate", f"{DB}/A"), ("dynamodb:PartiQLDelete", f"{DB}/B")],
        ),
    ],
)
def test_dynamodb_when_called(target, body, wanted):
    """Tables, indexes, batches by table, transactions by item, PartiQL by statement."""
    assert needs("dynamodb", target=target, body=body) == wanted


@pytest.mark.parametrize(
    ("target", "body", "leading"),
    [
        ("GetItem", {"TableName": "Messages", **KEY}, ("lobby",)),
        ("PutItem", {"TableName": "Messages", "Item": {"room_id": {"S": "lobby"}, "text": {"S": "hi"}}}, ("lobby",)),
        (
            "Query",
            {
                "TableName": "Messages",
                "KeyConditionExpression": "#r = :r AND ts > :t",
                "ExpressionAttributeValues": {":r": {"S": "lobby"}, ":t": {"N": "1"}},
            },
            ("lobby",),
        ),
        (
            "BatchWriteItem",
            {"RequestItems": {"Messages": [{"PutRequest": {"Item": KEY["Key"]}}, {"DeleteRequest": KEY}]}},
            ("lobby", "lobby"),
        ),
        ("TransactWriteItems", {"TransactItems": [{"Delete": {"TableName": "Messages", **KEY}}]}, ("lobby",)),
        ("PutItem", {"TableName": "Other", "Item": KEY["Key"]}, ()),
    ],
)
def test_leading_keys_when_a_policy_asks(target, body, leading):
    """The partition keys that a call touches are there for dynamodb:LeadingKeys."""
    assert tuple(whole_needs("dynamodb", target=target, body=body)[0].keys["dynamodb:LeadingKeys"]()) == leading


@pytest.mark.parametrize(
    ("target", "body", "wanted"),
    [
        ("CreateLogGroup", {"logGroupName": "/g"}, [("logs:CreateLogGroup", f"{LOGS}:/g:log-stream:")]),
        (
            "CreateLogStream",
            {"logGroupName": "/g", "logStreamName": "s"},
            [("logs:CreateLogStream", f"{LOGS}:/g:log-stream:s")],
        ),
        (
            "PutLogEvents",
            {"logGroupName": "/g", "logStreamName": "s"},
            [("logs:PutLogEvents", f"{LOGS}:/g:log-stream:s")],
        ),
        ("FilterLogEvents", {"logGroupName": "/g"}, [("logs:FilterLogEvents", f"{LOGS}:/g:log-stream:")]),
        (
            "FilterLogEvents",
            {"logGroupIdentifier": f"{LOGS}:/g:*"},
            [("logs:FilterLogEvents", f"{LOGS}:/g:log-stream:")],
        ),
        ("DescribeLogGroups", {}, [("logs:DescribeLogGroups", f"{LOGS}::log-stream:")]),
        ("DescribeQueries", {"logGroupName": "/g"}, [("logs:DescribeQueries", "*")]),
        ("DescribeExportTasks", {}, [("logs:DescribeExportTasks", "*")]),
        ("TagResource", {"resourceArn": f"{LOGS}:/g:*"}, [("logs:TagResource", f"{LOGS}:/g")]),
        (
            "StartQuery",
            {"logGroupNames": ["/g", "/h"]},
            [("logs:StartQuery", f"{LOGS}:/g:log-stream:"), ("logs:StartQuery", f"{LOGS}:/h:log-stream:")],
        ),
    ],
)
def test_logs_when_called(target, body, wanted):
    """A group's calls need the group with a colon after it, a stream's the stream."""
    assert needs("logs", target=target, body=body) == wanted


@pytest.mark.parametrize(
    ("operation", "parameters", "query", "wanted"),
    [
        ("Invoke", {"FunctionName": "save"}, "", [("lambda:InvokeFunction", f"{LAMBDA}:save")]),
        (
            "Invoke",
            {"FunctionName": f"{LAMBDA}:save"},
            "Qualifier=live",
            [("lambda:InvokeFunction", f"{LAMBDA}:save:live")],
        ),
        ("Invoke", {"FunctionName": f"{ACCOUNT}:function:save:1"}, "", [("lambda:InvokeFunction", f"{LAMBDA}:save:1")]),
        ("GetFunction", {"FunctionName": "save"}, "Qualifier=1", [("lambda:GetFunction", f"{LAMBDA}:save")]),
        ("ListFunctions", {}, "", [("lambda:ListFunctions", "*")]),
        (
            "GetLayerVersion",
            {"LayerName": "deps", "VersionNumber": "2"},
            "",
            [("lambda:GetLayerVersion", f"arn:aws:lambda:us-east-1:{ACCOUNT}:layer:deps:2")],
        ),
    ],
)
def test_lambda_when_called(operation, parameters, query, wanted):
    """Functions by name or ARN, with the qualifier where one is invoked."""
    assert needs("lambda", operation=operation, query=query, **parameters) == wanted


def test_lambda_when_a_function_is_created():
    """The caller passes the role, reads the package and the layers, and tags."""
    body = {
        "FunctionName": "save",
        "Role": f"{IAM}:role/writer",
        "Code": {"S3Bucket": "b", "S3Key": "k.zip"},
        "Layers": ["layer:1"],
        "Tags": {"a": "b"},
    }
    found = whole_needs("lambda", operation="CreateFunction", body=body)
    assert [(need.action, need.resource) for need in found] == [
        ("lambda:CreateFunction", f"{LAMBDA}:save"),
        ("iam:PassRole", f"{IAM}:role/writer"),
        ("lambda:GetLayerVersion", "layer:1"),
        ("s3:GetObject", "arn:aws:s3:::b/k.zip"),
        ("lambda:TagResource", f"{LAMBDA}:save"),
    ]
    assert found[1].keys == {"iam:PassedToService": "lambda.amazonaws.com"}


@pytest.mark.parametrize(
    ("method", "path", "query", "headers", "wanted"),
    [
        ("GET", "/", "", {}, ("s3:ListAllMyBuckets", "*")),
        ("GET", "/b", "list-type=2", {}, ("s3:ListBucket", "arn:aws:s3:::b")),
        ("HEAD", "/b", "", {}, ("s3:ListBucket", "arn:aws:s3:::b")),
        ("PUT", "/b", "", {}, ("s3:CreateBucket", "arn:aws:s3:::b")),
        ("GET", "/b", "versioning", {}, ("s3:GetBucketVersioning", "arn:aws:s3:::b")),
        ("DELETE", "/b", "lifecycle", {}, ("s3:PutLifecycleConfiguration", "arn:aws:s3:::b")),
        ("DELETE", "/b", "policy", {}, ("s3:DeleteBucketPolicy", "arn:aws:s3:::b")),
        ("GET", "/b/a%20b/c", "", {}, ("s3:GetObject", "arn:aws:s3:::b/a b/c")),
        ("GET", "/b/k", "versionId=1", {}, ("s3:GetObjectVersion", "arn:aws:s3:::b/k")),
        ("GET", "/b/k", "tagging", {}, ("s3:GetObjectTagging", "arn:aws:s3:::b/k")),
        ("PUT", "/b/k", "", {}, ("s3:PutObject", "arn:aws:s3:::b/k")),
        ("POST", "/b/k", "uploads", {}, ("s3:PutObject", "arn:aws:s3:::b/k")),
        ("DELETE", "/b/k", "", {}, ("s3:DeleteObject", "arn:aws:s3:::b/k")),
        ("PUT", "/k", "", {"host": "b.s3.amazonaws.com"}, ("s3:PutObject", "arn:aws:s3:::b/k")),
    ],
)
def test_s3_when_called(method, path, query, headers, wanted):
    """Buckets and objects, in the path or in the host."""
    assert needs("s3", method=method, path=path, query=query, headers=headers) == [wanted]


@pytest.mark.parametrize(
    ("path", "query", "actions"),
    [
        ("/b", "tagging&policy", ["s3:GetBucketTagging", "s3:GetBucketPolicy"]),
        ("/b", "policy&uploads", ["s3:GetBucketPolicy", "s3:ListBucketMultipartUploads"]),
        ("/b", "versions&prefix=a", ["s3:ListBucketVersions"]),
        ("/b", "policyStatus", ["s3:GetBucketPolicyStatus"]),
        ("/b/k", "tagging&acl", ["s3:GetObjectTagging", "s3:GetObjectAcl"]),
    ],
)
def test_s3_when_several_parts_are_named(path, query, actions):
    """A request that names several parts of a bucket or object needs them all, whichever of them is answered."""
    arn = "arn:aws:s3:::" + path[1:]
    assert needs("s3", method="GET", path=path, query=query) == [(action, arn) for action in actions]


def test_s3_when_objects_are_copied_and_deleted():
    """A copy reads its source; many deletes need each."""
    assert needs("s3", method="PUT", path="/b/k", headers={"x-amz-copy-source": "a/x"}) == [
        ("s3:GetObject", "arn:aws:s3:::a/x"),
        ("s3:PutObject", "arn:aws:s3:::b/k"),
    ]
    body = (
        b"<Delete xmlns='x'><Object><Key>k</Key></Object><Object><Key>l</Key><VersionId>1</VersionId></Object></Delete>"
    )
    assert needs("s3", method="POST", path="/b", query="delete", body=body) == [
        ("s3:DeleteObject", "arn:aws:s3:::b/k"),
        ("s3:DeleteObjectVersion", "arn:aws:s3:::b/l"),
    ]


@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        ({"Action": "GetRole", "RoleName": "writer"}, [("iam:GetRole", f"{IAM}:role/app/writer")]),
        ({"Action": "GetRole", "RoleName": "none"}, [("iam:GetRole", f"{IAM}:role/none")]),
        ({"Action": "CreateRole", "RoleName": "new", "Path": "/app/"}, [("iam:CreateRole", f"{IAM}:role/app/new")]),
        (
            {"Action": "CreateRole", "RoleName": "new", "Tags.member.1.Key": "a", "Tags.member.1.Value": "b"},
            [("iam:CreateRole", f"{IAM}:role/new"), ("iam:TagRole", f"{IAM}:role/new")],
        ),
        ({"Action": "CreatePolicy", "PolicyName": "p"}, [("iam:CreatePolicy", f"{IAM}:policy/p")]),
        ({"Action": "ListRoles"}, [("iam:ListRoles", f"{IAM}:role/")]),
        ({"Action": "GetUser"}, [("iam:GetUser", ALICE.arn)]),
        (
            {"Action": "AddUserToGroup", "UserName": "alice", "GroupName": "readers"},
            [("iam:AddUserToGroup", f"{IAM}:group/readers")],
        ),
        ({"Action": "GetPolicy", "PolicyArn": f"{IAM}:policy/p"}, [("iam:GetPolicy", f"{IAM}:policy/p")]),
    ],
)
def test_iam_when_called(form, wanted):
    """Roles, users and policies by their ARNs, with the path that they have."""
    assert needs("iam", form=urlencode(form)) == wanted


@pytest.mark.parametrize(
    ("form", "keys"),
    [
        (
            {"Action": "CreateRole", "RoleName": "new", "PermissionsBoundary": "arn:b"},
            {"iam:PermissionsBoundary": "arn:b"},
        ),
        ({"Action": "PutRolePolicy", "RoleName": "writer"}, {"iam:PermissionsBoundary": f"{IAM}:policy/edge"}),
        ({"Action": "PutRolePolicy", "RoleName": "none"}, {}),
        ({"Action": "AttachRolePolicy", "RoleName": "none", "PolicyArn": "arn:p"}, {"iam:PolicyARN": "arn:p"}),
    ],
)
def test_iam_when_a_boundary_matters(form, keys):
    """iam:PermissionsBoundary is the one asked for, or the one that the role has."""
    assert whole_needs("iam", form=urlencode(form))[0].keys == keys


@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        ({"Action": "GetCallerIdentity"}, []),
        ({"Action": "GetSessionToken"}, []),
        ({"Action": "AssumeRole", "RoleArn": "arn:r"}, [("sts:AssumeRole", "arn:r")]),
        (
            {"Action": "GetFederationToken", "Name": "bob"},
            [("sts:GetFederationToken", f"arn:aws:sts::{ACCOUNT}:federated-user/bob")],
        ),
    ],
)
def test_sts_when_called(form, wanted):
    """Who I am needs no permission."""
    assert needs("sts", form=urlencode(form)) == wanted


@pytest.mark.parametrize(
    ("service", "arguments", "wanted"),
    [
        (
            "sqs",
            {"target": "SendMessageBatch", "body": {"QueueUrl": f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/q"}},
            [("sqs:SendMessage", f"arn:aws:sqs:us-east-1:{ACCOUNT}:q")],
        ),
        (
            "sqs",
            {"target": "CreateQueue", "body": {"QueueName": "q"}},
            [("sqs:CreateQueue", f"arn:aws:sqs:us-east-1:{ACCOUNT}:q")],
        ),
        ("sns", {"form": "Action=CreateTopic&Name=t"}, [("sns:CreateTopic", f"arn:aws:sns:us-east-1:{ACCOUNT}:t")]),
        (
            "sns",
            {"form": "Action=Unsubscribe&SubscriptionArn=arn:aws:sns:r:1:t:id"},
            [("sns:Unsubscribe", "arn:aws:sns:r:1:t")],
        ),
        (
            "apigateway",
            {"method": "POST", "path": "/v2/apis"},
            [("apigateway:POST", "arn:aws:apigateway:us-east-1::/apis")],
        ),
        (
            "apigateway",
            {"method": "POST", "path": "/v2/apis", "body": {"tags": {"a": "b"}}},
            [
                ("apigateway:POST", "arn:aws:apigateway:us-east-1::/apis"),
                ("apigateway:POST", "arn:aws:apigateway:us-east-1::arn:aws:apigateway:us-east-1::/tags/"),
            ],
        ),
        (
            "apigateway",
            {"method": "POST", "path": "/restapis", "body": {"tags": {"a": "b"}}},
            [
                ("apigateway:POST", "arn:aws:apigateway:us-east-1::/restapis"),
                (
                    "apigateway:PUT",
                    "arn:aws:apigateway:us-east-1::/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Frestapis%2F*",
                ),
            ],
        ),
        (
            "apigateway",
            {"method": "DELETE", "path": "/v2/apis/a/routes/r"},
            [("apigateway:DELETE", "arn:aws:apigateway:us-east-1::/apis/a/routes/r")],
        ),
        (
            "cloudformation",
            {"form": "Action=CreateStack&StackName=chat&RoleARN=arn:r"},
            [
                ("cloudformation:CreateStack", f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/chat/*"),
                ("iam:PassRole", "arn:r"),
            ],
        ),
        ("cloudformation", {"form": "Action=ListStacks"}, [("cloudformation:ListStacks", "*")]),
        (
            "cloudformation",
            {"form": "Action=DescribeStacks&StackName=arn:s"},
            [("cloudformation:DescribeStacks", "arn:s")],
        ),
        (
            "cloudformation",
            {"form": "Action=DetectStackResourceDrift&StackName=chat&LogicalResourceId=A"},
            [("cloudformation:DetectStackResourceDrift", f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/chat/*")],
        ),
        (
            "monitoring",
            {"form": "Action=PutMetricAlarm&AlarmName=busy"},
            [("cloudwatch:PutMetricAlarm", f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:busy")],
        ),
        (
            "monitoring",
            {"target": "DeleteAlarms", "body": {"AlarmNames": ["busy", "late"]}},
            [
                ("cloudwatch:DeleteAlarms", f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:{name}")
                for name in ("busy", "late")
            ],
        ),
        ("monitoring", {"target": "GetMetricData"}, [("cloudwatch:GetMetricData", "*")]),
        (
            "ssm",
            {"target": "GetParameter", "body": {"Name": "/chat/key"}},
            [("ssm:GetParameter", f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/chat/key")],
        ),
        ("scheduler", {"operation": "ListSchedules"}, [("scheduler:ListSchedules", "*")]),
        ("scheduler", {}, [("scheduler:UnknownOperation", "*")]),
    ],
)
def test_other_services_when_called(service, arguments, wanted):
    """Queues, topics, APIs, stacks by their ARNs; the rest by operation."""
    assert needs(service, **arguments) == wanted


@pytest.mark.parametrize(
    ("service", "arguments"),
    [
        ("iam", {"target": "X.GetUser", "form": "Action=CreateUser&UserName=a"}),
        ("iam", {"form": "Action=GetUser&Action=CreateUser"}),
        ("iam", {"form": "Action=GetUser", "query": "Action=CreateUser"}),
        ("lambda", {"target": "X.GetFunction", "operation": "DeleteFunction", "FunctionName": "f"}),
        ("sqs", {"target": "SendMessage", "query": "Action=DeleteQueue"}),
    ],
)
def test_operation_when_it_is_named_twice(service, arguments):
    """A request that names its operation in two ways needs what only a whole service's wildcard gives."""
    assert [action for action, _ in needs(service, **arguments)] in ([f"{service}:"], [f"{service}:UnknownOperation"])
