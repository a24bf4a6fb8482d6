{#- Post-hook of a published table: lets the roles in DBT_PG_READERS, separated by commas, read it. -#}

{% macro grant_readers() %}
    {%- for role in env_var('DBT_PG_READERS', '').split(',') | map('trim') | select %}
    do $$
    begin
        if not has_table_privilege('{{ dbt.escape_single_quotes(role) }}', '{{ this }}', 'select') then
            grant select on {{ this }} to {{ adapter.quote(role) }};
        end if;
    end
    $$;
    {%- endfor %}
{% endmacro %}
