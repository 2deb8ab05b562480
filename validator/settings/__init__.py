"""What the service is told, in frozen, typed values: ``file`` reads them all from TOML.

A table of many keys has a module here. Settings of inputs stand with their collectors, those of
targets and webhooks with what they set.
"""
