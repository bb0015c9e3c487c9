"""AWS Step Functions over AWS Batch."""
