"""SQS and SNS: moto's.

- ``needs``: which permissions their operations need
- ``queue_batches``: messages as Lambda takes them for a function
- ``resource_types``: the types of CloudFormation
"""
