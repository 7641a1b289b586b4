"""The methods of template updating: their rules, how they are fitted, what they store."""
