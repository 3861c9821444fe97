"""How well a labelled file's frauds would have been found: by rules alone, and by models of ever more labels."""
