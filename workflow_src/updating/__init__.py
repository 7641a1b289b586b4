"""Pure template updating: the update-rule interface, fixed rules, lockstep sequence scorer."""
