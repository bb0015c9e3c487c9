"""What a container imports: the standard library only, and botocore where nothing else finds the credentials."""
