"""Where things lie in a checkout."""

from pathlib import Path

TOP = Path(__file__).parent.parent.parent
TESTS = TOP / "tests"
MAILS = sorted((TESTS / "kit" / "mails").glob("*.eml"))
