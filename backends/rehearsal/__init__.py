"""What the rehearsals of all targets share: an embedded S3 behind a gate, and the way home of what runs leave there."""
