-- Outside a run every row of a changelog is unread, so that a preview shows everything.

with

compared as (
    select
        (select count(*) from {{ unread_rows('int_editions') }} as changed) as unread,
        (select count(*) from {{ ref('int_editions') }}) as total
)

select *
from compared
where unread <> total
