"""Vision-language models as judges: any OpenAI-compatible endpoint.

What is asked stands in `genspace.judges.prompts`; protocols and the reading of answers are shared with local models
(`genspace.judges.asking`).
"""

from genspace.judges.vlm._judge import VlmJudge, make
from genspace.judges.vlm._options import VlmOptions

__all__ = ["VlmJudge", "VlmOptions", "make"]
