"""Generation: a model with its answer format (`engine`) opens a `session` over a batch of prompts.

The session decodes thoughts and answers, branches and rewinds; its `pass_log` holds every forward
pass that was made, which is what counting and prediction read.
"""
