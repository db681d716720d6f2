"""Perception without a model hub: small networks that packages on npm ship, run on the CPU without torch.

The stack `embedded` knows the 80 things of COCO and a few more, the facing of people, and the boxes of chairs and cups.
What it cannot know it does not say: fronts of cars and animals, sizes, things that it has no word for. Distances come
from the usual sizes of things and the ground that they stand on; they are marked as guesses.
"""
