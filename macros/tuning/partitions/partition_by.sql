{#-
    The checked declaration of a table's partitioning, from its meta.partition_by. `unique` are the unique keys,
    each a list of columns: PostgreSQL requires the partition column in each. `columns` are the table's columns with
    their types.
-#}

{% macro postgres__partition_by(owner, meta, unique, columns) %}
    {%- set declared = meta['partition_by'] -%}
    {%- set fail = adapter.dispatch('partition_error', 'postgres_tuning') -%}
    {%- set takes = {'range': ['interval', 'ahead'], 'hash': ['partitions'], 'list': ['values']} -%}
    {%- set kinds = takes | select('in', declared if declared is mapping else {}) | list -%}
    {%- if kinds | length != 1 -%}
        {%- do fail(owner, 'partition_by', declared, "name the column under one of range, hash or list") -%}
    {%- endif -%}
    {%- set kind = kinds[0] -%}
    {%- set column = declared[kind] -%}
    {%- for key in declared if key not in [kind] + takes[kind] -%}
        {%- do fail(owner, key, declared[key], "with " ~ kind ~ " use " ~ takes[kind] | join(', ')) -%}
    {%- endfor -%}
    {%- if column not in columns -%}
        {%- do fail(owner, kind, column, "there is no such column") -%}
    {%- endif -%}
    {%- for key in unique if column not in key -%}
        {%- do fail(
            owner, kind, column, "it is not in the unique key (" ~ key | join(', ') ~ "): add it, or use one of these"
        ) -%}
    {%- endfor -%}

    {%- set by = dict({'interval': 'month', 'ahead': 3, 'partitions': 8, 'values': []}, **declared) -%}
    {%- do by.update({'kind': kind, 'column': column, 'type': columns[column]}) -%}
    {%- do by.update({'timely': by['type'].startswith('timestamp') or by['type'] == 'date'}) -%}
    {%- set units = ['day', 'week', 'month', 'year'] -%}
    {%- set whole = by['type'] in ['smallint', 'integer', 'bigint'] -%}
    {%- if kind == 'range' and not by['timely'] and not whole -%}
        {%- do fail(owner, kind, column, "it is " ~ by['type'] ~ ": ranges are of times or whole numbers") -%}
    {%- elif kind == 'range' and by['timely'] and by['interval'] not in units -%}
        {%- do fail(owner, 'interval', by['interval'], "use " ~ units | join(', ')) -%}
    {%- endif -%}
    {%- for key in takes[kind] if key in ['ahead', 'partitions'] or key == 'interval' and whole -%}
        {%- if by[key] is not integer or by[key] < 1 -%}
            {%- do fail(owner, key, by[key], "use a whole number above 0") -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if kind == 'list' and (by['values'] is string or by['values'] is mapping or not by['values']) -%}
        {%- do fail(owner, 'values', by['values'], "list the values that get a partition of their own") -%}
    {%- endif -%}
    {{ return(by) }}
{% endmacro %}
