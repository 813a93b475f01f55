"""Text of `format=flowed` (RFC 3676): the paragraphs as typed, from the lines as sent."""

SIGNATURE = "-- "


def unfold(text: str, *, delete_space: bool = False) -> str:
    """Join the lines that end in a space with the next one of the same depth of quotation."""
    paragraphs: list[list[str]] = []
    depth_before, is_open = 0, False
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        depth = len(line) - len(line.lstrip(">"))
        content = line[depth:]
        content = content.removeprefix(" ")  # what begins with a space or a ">" was stuffed
        flows = content.endswith(" ") and content != SIGNATURE
        piece = content[:-1] if flows and delete_space else content
        if is_open and depth == depth_before and content != SIGNATURE:
            paragraphs[-1].append(piece)
        else:
            paragraphs.append([f"{'>' * depth} " if depth else "", piece])
        depth_before, is_open = depth, flows
    return "\n".join("".join(pieces) for pieces in paragraphs)
