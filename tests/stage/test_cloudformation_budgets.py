"""Budgets in stacks."""

from __future__ import annotations

import pytest

from tests.stage.stacks import Stacks

TEMPLATE = """
Resources:
  Budget:
    Type: AWS::Budgets::Budget
    Properties:
      Budget: {BudgetName: class, BudgetType: COST, TimeUnit: MONTHLY, BudgetLimit: {Amount: 5, Unit: USD}}
      NotificationsWithSubscribers:
        - Notification: {NotificationType: ACTUAL, ComparisonOperator: GREATER_THAN, Threshold: 80}
          Subscribers: [{SubscriptionType: EMAIL, Address: teacher@example.com}]
Outputs: {Name: {Value: !Ref Budget}}
"""
ACCOUNT = {"AccountId": "123456789012"}


@pytest.fixture
def stacks(aws) -> Stacks:
    return Stacks(aws)


def test_budget_when_its_stack_lives(stacks):
    """A budget is made with its notifications, changed with its stack, and gone with it."""
    stacks.create("money", TEMPLATE)
    budgets = stacks.aws("budgets")
    assert stacks.outputs("money")["Name"] == "class"
    assert float(budgets.describe_budget(**ACCOUNT, BudgetName="class")["Budget"]["BudgetLimit"]["Amount"]) == 5
    [warning] = budgets.describe_notifications_for_budget(**ACCOUNT, BudgetName="class")["Notifications"]
    assert (warning["NotificationType"], warning["Threshold"]) == ("ACTUAL", 80.0)
    stacks.update("money", TEMPLATE.replace("Amount: 5", "Amount: 20"))
    assert float(budgets.describe_budget(**ACCOUNT, BudgetName="class")["Budget"]["BudgetLimit"]["Amount"]) == 20
    stacks.api.delete_stack(StackName="money")
    assert budgets.describe_budgets(**ACCOUNT).get("Budgets", []) == []


def test_budget_when_it_has_no_name(stacks):
    """A budget without a name gets one from its stack, and keeps it in an update."""
    nameless = TEMPLATE.replace("BudgetName: class, ", "")
    stacks.create("money", nameless)
    name = stacks.outputs("money")["Name"]
    assert name.startswith("money-Budget-")
    stacks.update("money", nameless.replace("Amount: 5", "Amount: 6"))
    assert stacks.outputs("money")["Name"] == name
    [budget] = stacks.aws("budgets").describe_budgets(**ACCOUNT)["Budgets"]
    assert budget["BudgetName"] == name
