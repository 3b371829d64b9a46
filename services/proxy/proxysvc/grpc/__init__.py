"""The gRPC interface: the same calls as over REST, in the shapes of the protos."""
