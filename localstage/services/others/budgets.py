"""``AWS::Budgets::Budget``. A budget here is kept and shown; nothing costs, so it never warns."""

from __future__ import annotations

from localstage.stacks.resource_type import Properties, ResourceType, Work


class Budget(ResourceType):
    """A budget with its notifications; its physical id is its name."""

    name = "AWS::Budgets::Budget"
    not_run = frozenset({"ResourceTags"})

    def create(self, work: Work, properties: Properties) -> str:
        budget = dict(properties["Budget"])
        name = budget.setdefault("BudgetName", work.generated_name(100))
        if "BudgetLimit" in budget:
            limit = budget["BudgetLimit"]
            budget["BudgetLimit"] = {**limit, "Amount": str(limit["Amount"])}  # the API takes decimals as text
        work.client("budgets").create_budget(
            AccountId=work.account_id,
            Budget=budget,
            NotificationsWithSubscribers=properties.get("NotificationsWithSubscribers", []),
        )
        return name

    def update(self, work: Work, physical_id: str, old: Properties, new: Properties) -> None:
        self.delete(work, physical_id, old)
        self.create(work, {**new, "Budget": {**new["Budget"], "BudgetName": physical_id}})

    def delete(self, work: Work, physical_id: str, properties: Properties) -> None:
        work.client("budgets").delete_budget(AccountId=work.account_id, BudgetName=physical_id)


TYPES = (Budget(),)
