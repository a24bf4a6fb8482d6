-- What the six have in common, a row per held moment.

select * from {{ held_moments() }}
