"""What the shim needs of AWS, on the standard library: signatures, credentials, addresses, requests."""
