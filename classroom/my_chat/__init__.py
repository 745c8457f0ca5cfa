"""The learner's own chat: the folder that holds it, the cells that write it, its deployment, and trials of it."""
