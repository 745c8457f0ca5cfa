"""DynamoDB: moto's.

- ``needs``: which permissions DynamoDB's operations need
- ``pace``: tables that are CREATING, UPDATING or DELETING for some time
- ``eventual_reads``: reads that see a table as it was a moment ago, and the room's pace as a whole
- ``resource_types``, ``global_table``: the types of CloudFormation
"""
