"""The house's own rules: a check and a policy that trustkit finds by their entry points."""
