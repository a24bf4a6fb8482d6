{#-
    Whether a table has the columns, types and partition key that the current model declares. Only an enforced
    contract declares the columns, so a model without one is always swapped.
-#}

{% macro postgres__has_declared_shape(relation) %}
    {%- if not config.get('contract').enforced -%}
        {{ return(false) }}
    {%- endif -%}
    {%- set key = config.get('meta', {}).get('partition_by', {}).items()
        | selectattr(0, 'in', ['range', 'hash', 'list']) | first | default(none) -%}
    {%- set query -%}
        with

        declared (name, type, modifier) as (
            values
            {%- for column in model.columns.values() %}
            {%- set parts = column.data_type.replace(')', '(').split('(') %}
            ('{{ column.name }}', '{{ parts[0] ~ (parts[2] or '') }}', {{ "'" ~ parts[1].replace(' ', '') ~ "'" if parts[1] else 'null' }}){{ ',' if not loop.last }}
            {%- endfor %}
        ),

        actual as (
            select
                attname as name,
                atttypid as type,
                substring(format_type(atttypid, atttypmod) from '\((.*)\)') as modifier
            from pg_attribute
            where attrelid = '{{ relation }}'::regclass and attnum > 0 and not attisdropped
        )

        select
            coalesce(pg_get_partkeydef('{{ relation }}'::regclass), '')
            = {{ "format('%s (%I)', '" ~ key[0] | upper ~ "', '" ~ key[1] ~ "')" if key else "''" }}
            and not exists (
                select from declared
                full join actual on declared.name = actual.name
                where
                    to_regtype(declared.type) is distinct from actual.type
                    or declared.modifier is distinct from actual.modifier
            )
    {%- endset -%}
    {{ return(run_query(query).columns[0].values()[0]) }}
{% endmacro %}
