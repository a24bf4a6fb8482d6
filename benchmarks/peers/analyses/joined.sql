-- What the six have in common, a row per held moment.

{{ join_moments() }}
