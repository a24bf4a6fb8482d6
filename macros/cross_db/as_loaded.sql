{#-
    How Snowflake converts a declared column of a row named `given` as the loader does: the column's name, the value in SQL,
    and the condition without which the row is rejected, or none. docs/values.md describes the rules.
-#}

{% macro as_loaded(column, key) -%}
    {%- set meta = column.config.meta -%}
    {%- set required = meta.get('required') or column.name == key -%}
    {%- set given = 'given.' ~ meta.get('from', column.name) -%}
    {%- set text = 'trim(to_varchar(' ~ given ~ '))' -%}
    {%- set type = column.data_type.split('(')[0] | trim -%}
    {%- set most_bytes = meta.get('max_bytes', 1000) -%}
    {%- if type == 'text' -%}
        {%- set value = 'to_varchar(' ~ given ~ ')' -%}
        {%- set value = 'lower(' ~ value ~ ')' if meta.get('lowercase') else value -%}
        {%- set value = "nullif(trim(" ~ value ~ "), '')" if required and column.name != key else value -%}
        {%- set value = 'left(' ~ value ~ ', ' ~ most_bytes ~ ')' if meta.get('shorten') else value -%}
        {%- set usable = 'true' if meta.get('shorten') else 'bit_length(' ~ value ~ ') <= ' ~ 8 * most_bytes -%}
    {%- elif type in ['smallint', 'integer', 'bigint'] -%}
        {%- set bits = {'smallint': 15, 'integer': 31, 'bigint': 63}[type] -%}
        {%- set value = 'try_cast(' ~ text ~ ' as number(19, 0))' -%}
        {%- set range = ' between ' ~ -(2 ** bits) ~ ' and ' ~ (2 ** bits - 1) -%}
        {%- set usable = "regexp_like(" ~ text ~ ", '-?[0-9]{1,18}([.]0+)?') and " ~ value ~ range -%}
    {%- elif type == 'numeric' -%}
        {%- set size = column.data_type.split('(')[1].rstrip(')').split(',') | map('int') | list -%}
        {%- set rounded = 'round(try_cast(' ~ text ~ ' as double), ' ~ size[1] ~ ')' -%}
        {%- set value = 'cast(' ~ rounded ~ ' as number(' ~ size | join(', ') ~ '))' -%}
        {%- set usable = 'abs(' ~ rounded ~ ') < 1e' ~ (size[0] - size[1]) -%}
        {%- set usable = usable ~ ' and ' ~ rounded ~ ' >= ' ~ meta.minimum if 'minimum' in meta else usable -%}
        {%- set usable = usable ~ ' and ' ~ rounded ~ ' <= ' ~ meta.maximum if 'maximum' in meta else usable -%}
    {%- elif type == 'boolean' -%}
        {%- set value = 'try_to_boolean(to_varchar(' ~ given ~ '))' -%}
        {%- set usable = value ~ ' is not null' -%}
    {%- elif type in ['timestamp', 'timestamptz'] -%}
        {%- set value = given -%}
        {%- set usable = given ~ " >= '1970-01-01' and " ~ given ~ " < '2100-01-01'" -%}
    {%- else -%}
        {{ exceptions.raise_compiler_error(
            "as_loaded: " ~ column.name ~ " has the type " ~ column.data_type
            ~ ", which is not converted on Snowflake: load it into Postgres"
        ) }}
    {%- endif -%}
    {%- set usable = 'coalesce(' ~ usable ~ ', false)' -%}
    {%- if required -%}
        {%- set condition = given ~ ' is not null and ' ~ usable -%}
    {%- elif usable != 'coalesce(true, false)' -%}
        {%- set rejects = meta.get('unusable', 'reject') == 'reject' -%}
        {%- set condition = '(' ~ given ~ ' is null or ' ~ usable ~ ')' if rejects -%}
        {%- set value = 'case when ' ~ usable ~ ' then ' ~ value ~ ' end' -%}
    {%- endif -%}
    {{ return({'name': column.name, 'value': value, 'condition': condition or none}) }}
{%- endmacro %}
