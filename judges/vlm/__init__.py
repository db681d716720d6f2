"""Vision-language models as judges: any OpenAI-compatible endpoint.

What is asked stands in `genspace.judges.prompts`; the protocols (yes-no, rating, questions, pairwise, vqascore) are
shared with local models (`genspace.judges.hf`).
"""

from genspace.judges.vlm._judge import VlmJudge, make
from genspace.judges.vlm._options import VlmOptions

__all__ = ["VlmJudge", "VlmOptions", "make"]
