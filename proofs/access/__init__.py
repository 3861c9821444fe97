"""Who may do what: every role and operator policy against every action on every resource, and requests that lie."""
