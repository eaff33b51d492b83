"""The running thing: settings, registry, the loop, HTTP API, console, command line."""
