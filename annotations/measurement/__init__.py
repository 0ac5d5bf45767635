"""Labels into numbers, for every page, export and command that shows a figure; pure, no Django."""
