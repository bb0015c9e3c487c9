"""What a container imports: the standard library only, and boto3 inside functions."""
