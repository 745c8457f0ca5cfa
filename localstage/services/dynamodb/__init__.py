"""Amazon DynamoDB: what its calls need, its pace, its types in templates."""
