{#-
    Records that a schema of sources belongs to this target. The table belongs to the owner of the schema, if the
    role is a member of it. If another run has recorded its target meanwhile, that one stays, unless `replace`.
-#}

{% macro postgres__record_source_owner(schema, replace=false) %}
    {%- set table = adapter.quote(schema) ~ '.dbt_target' -%}
    {%- set name = "'" ~ dbt.escape_single_quotes(target.schema) ~ "'" -%}
    {%- set record -%}
        do $$
        declare
            owner regrole := (
                select nspowner from pg_namespace
                where nspname = '{{ dbt.escape_single_quotes(schema) }}' and pg_has_role(nspowner, 'usage')
            );
        begin
            perform pg_advisory_xact_lock(hashtext('dbt_target'));
            if to_regclass('{{ dbt.escape_single_quotes(table) }}') is null then
                create table {{ table }} (schema_name text not null);
                comment on table {{ table }} is
                    'The target schema whose dbt runs change the tables of this schema; see take_over_sources.';
                execute coalesce(format('alter table %s owner to %s', '{{ dbt.escape_single_quotes(table) }}', owner), '');
                insert into {{ table }} (schema_name) values ({{ name }});
            {%- if replace %}
            else
                update {{ table }} set schema_name = {{ name }};
            {%- endif %}
            end if;
        end
        $$
    {%- endset -%}
    {%- do run_query(record) -%}
    {%- do run_query('commit') -%}
{% endmacro %}
