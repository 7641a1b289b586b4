"""The methods of template updating: their update rules, fits, stored policies."""
