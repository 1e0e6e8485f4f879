"""Mutations of protobuf messages, field by field: what no change of bytes reaches."""

from random import Random

from rooflink.profiling.compiled.protobuf import Message

ODD_INTEGERS = (0, 1, -1, 2, 3, 7, 13, 10**6, 2**31 - 1, 2**62, -(2**63))


def parts_of(message: Message) -> list[tuple[Message, str]]:
    """Every field that is set in a message or below, with the message that has it."""
    parts: list[tuple[Message, str]] = []
    below = [message]
    while below:
        one = below.pop()
        for field, value in one.ListFields():
            parts.append((one, field.name))
            if field.message_type is not None:
                below += value if field.is_repeated else [value]
    return parts


def mutated_message(by: Random, message: Message, texts: tuple[str, ...]) -> None:
    """Changes, empties, repeats or removes one to three fields of a message or of one below it;
    `texts` are what its strings may become."""
    for _ in range(by.randint(1, 3)):
        parts = parts_of(message)
        if not parts:
            return
        one, name = by.choice(parts)
        value = getattr(one, name)
        number = by.choice((by.choice(ODD_INTEGERS), by.randint(-20, 20)))
        if isinstance(value, int) and not isinstance(value, bool):
            try:
                setattr(one, name, number)
            except ValueError:  # of fewer bits, or without a sign
                setattr(one, name, abs(number) % 2**31)
        elif isinstance(value, str):
            setattr(one, name, by.choice(texts))
        elif isinstance(value, bool | float | bytes) or not hasattr(value, "__len__"):
            one.ClearField(name)
        else:
            _change_list(by, value, number)


def _change_list(by: Random, values: Message, number: int) -> None:
    index = by.randrange(len(values))
    match by.choice(("remove", "repeat", "change")):
        case "remove":
            del values[index]
        case "repeat" if hasattr(values, "add"):
            values.add().CopyFrom(values[index])
        case "repeat":
            values.append(values[index])
        case _ if isinstance(values[index], int) and not isinstance(values[index], bool):
            values[index] = max(0, min(number, 2**31 - 1)) if abs(number) >= 2**31 else abs(number)
