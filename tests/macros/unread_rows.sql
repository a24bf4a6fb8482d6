-- Outside a run the whole log is the change: a preview or a new table shows everything.

with

compared as (
    select
        (select count(*) from {{ unread_rows('int_editions') }} as changed) as changed,
        (select count(*) from {{ ref('int_editions') }}) as logged
)

select *
from compared
where changed <> logged
