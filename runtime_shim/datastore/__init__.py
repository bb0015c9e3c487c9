"""Where artifacts live: one protocol, a local folder and S3."""
