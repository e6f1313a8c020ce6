"""A model hub: the files of a repository, and its model card."""
