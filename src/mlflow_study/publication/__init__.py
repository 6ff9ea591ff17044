"""From executed notebooks and evidence to what is published: HTML, PDF, slides, crate."""
