"""What the operators' commands on Kafka share: reading ranges of logs, writing, progress, questions.

The commands are modules of `app/cli`; what one of them decides is a module beside it that has no I/O.
"""
