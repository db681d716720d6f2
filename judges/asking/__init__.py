"""What all judges that ask a vision-language model share, whether it runs behind an API or on this machine.

A protocol (`protocols/`) puts asks about a request; a judge has them answered and sends the answers back; the `Asker`
makes a verdict of the outcome. What a model wrote is read in one place (`_reading.py`).
"""

from genspace.judges.asking._aids import AIDS
from genspace.judges.asking._asker import Asker
from genspace.judges.asking._asks import Answer, Ask, Kind, Outcome, Usage, drawn_in, text_tokens, total
from genspace.judges.asking._options import AskOptions
from genspace.judges.asking._pictures import PictureError, Pictures, SentPicture
from genspace.judges.asking._reading import (
    THOUGHT_MARKS,
    CutOffError,
    UnusableAnswerError,
    choice_probabilities,
    is_refusal,
    read_choice,
    read_form,
)
from genspace.judges.asking.protocols import Protocol, Steps, protocol, protocol_names

__all__ = [
    "AIDS",
    "THOUGHT_MARKS",
    "Answer",
    "Ask",
    "AskOptions",
    "Asker",
    "CutOffError",
    "Kind",
    "Outcome",
    "PictureError",
    "Pictures",
    "Protocol",
    "SentPicture",
    "Steps",
    "UnusableAnswerError",
    "Usage",
    "choice_probabilities",
    "drawn_in",
    "is_refusal",
    "protocol",
    "protocol_names",
    "read_choice",
    "read_form",
    "text_tokens",
    "total",
]
