"""What may be claimed from a figure: replicates, intervals, comparisons, words, and what people's noise allows."""
