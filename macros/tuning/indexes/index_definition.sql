{#-
    The SQL of a declared index: CREATE INDEX or CREATE UNIQUE INDEX, the part that follows ON <table>, and a digest
    of both. `owner` is for error messages. `known` are the table's columns, or empty if they are not known.
-#}

{% macro postgres__index_definition(owner, index, known) %}
    {%- set keys = ['columns', 'unique', 'type', 'include', 'where', 'with', 'covered_by'] -%}
    {%- set fail = adapter.dispatch('index_error', 'postgres_tuning') -%}
    {%- for key in index if key not in keys -%}
        {%- do fail(owner, key, index[key], "use " ~ keys | join(', ')) -%}
    {%- endfor -%}
    {%- for key in ['columns', 'include'] if index[key] is string or (key == 'columns' and not index[key]) -%}
        {%- do fail(owner, key, index[key], "name the columns in a list") -%}
    {%- endfor -%}
    {%- set type = index.get('type', 'btree') | lower -%}
    {%- if index.get('include') and type not in ['btree', 'gist', 'spgist'] -%}
        {%- do fail(owner, 'include', index['include'], "a " ~ type ~ " index has none: use btree, gist or spgist") -%}
    {%- endif -%}
    {%- if index.get('unique') and type != 'btree' -%}
        {%- do fail(owner, 'unique', index['unique'], "a " ~ type ~ " index cannot be: use btree") -%}
    {%- endif -%}

    {%- set named = [] -%}
    {%- for column in index['columns'] -%}
        {%- set name = '([a-z0-9_$]+|"[^"]+"|[(].+[)])' -%}
        {%- set pattern = '^' ~ name ~ '( +[a-z0-9_]+_ops)?( +(?:asc|desc))?( +nulls +(?:first|last))?$' -%}
        {%- set parts = modules.re.match(pattern, column, modules.re.IGNORECASE) -%}
        {%- if not parts -%}
            {%- do fail(owner, 'columns', column, "write column or (expression) [opclass] [asc|desc] [nulls …]") -%}
        {%- endif -%}
        {%- do named.append(parts.group(1)) -%}
    {%- endfor -%}
    {%- for column in named + index.get('include', []) if known and column[0] != '(' -%}
        {%- if column | replace('"', '') not in known -%}
            {%- set key = 'include' if loop.index > named | length else 'columns' -%}
            {%- do fail(owner, key, column, "there is no such column") -%}
        {%- endif -%}
    {%- endfor -%}

    {%- set with -%}
        {%- for name, value in index.get('with', {}).items() -%}
            {{ name }} = {{ value }}{{ ', ' if not loop.last }}
        {%- endfor -%}
    {%- endset -%}
    {%- set tail = 'using ' ~ type ~ ' (' ~ index['columns'] | join(', ') ~ ')'
        ~ (' include (' ~ index['include'] | join(', ') ~ ')' if index.get('include') else '')
        ~ (' with (' ~ with ~ ')' if with else '')
        ~ (' where ' ~ index['where'] if index.get('where') else '') -%}
    {%- set create = 'create unique index' if index.get('unique') else 'create index' -%}
    {{ return({'create': create, 'tail': tail, 'columns': named, 'digest': local_md5(create ~ tail)[:8]}) }}
{% endmacro %}
