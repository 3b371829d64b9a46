"""What the services share: settings, errors on the wire, servers, processes."""
