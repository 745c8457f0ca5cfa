"""SQS and SNS: moto's.

- ``needs``: which permissions their operations need
- ``resource_types``: the types of CloudFormation
"""
