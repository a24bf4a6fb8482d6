{#-
    The statement that adds a partition to a table in use and moves its rows from the default partition. Does
    nothing if a lock is not available. ATTACH PARTITION, unlike CREATE TABLE … PARTITION OF, does not block reads
    and writes of other partitions.
-#}

{% macro postgres__add_partition_sql(relation, part, state, columns) %}
    {%- set names = get_quoted_csv(columns) -%}
    do $partition$
    begin
        set local lock_timeout = '{{ var("partition_lock_timeout", "1s") }}';
        create table {{ part['name'] }} (like {{ relation }} including all excluding indexes excluding identity);
        alter table {{ part['name'] }} owner to {{ state['owner'] }};
        {%- if part['belongs'] and state['rest'] %}
        lock table {{ state['rest'] }} in access exclusive mode;
        with moved as (delete from {{ state['rest'] }} where {{ part['belongs'] }} returning {{ names }})
        insert into {{ part['name'] }} ({{ names }}) select {{ names }} from moved;
        {%- endif %}
        alter table {{ relation }} attach partition {{ part['name'] }} {{ part['bounds'] }};
    exception
        when lock_not_available then null;
    end
    $partition$
{% endmacro %}
