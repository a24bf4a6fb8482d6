{#-
    The rules for the columns of a model, each a list of columns. The model declares them under meta.<its strategy>.

    Strategy `changelog` (the other columns are the key):
      sum                added up
      max                the greatest value
      true_for_one_step  true in the step that sets it, false in a sum

    Strategy `accumulate`:
      sum                added to the value in the table
      replace            replaces the value in the table
      max                the greater of both values
      delete_when_empty  a row is deleted if these columns are all zero (sums) or NULL (others)
-#}

{% macro postgres__column_rules(node) %}
    {%- set strategy = node.config.incremental_strategy -%}
    {%- set known = {
        'changelog': ['sum', 'max', 'true_for_one_step'],
        'accumulate': ['sum', 'replace', 'max', 'delete_when_empty'],
    }[strategy] -%}
    {%- set declared = (node.config.get('meta') or {}).get(strategy, {}) -%}
    {%- for name in declared if name not in known -%}
        {{ exceptions.raise_compiler_error(
            strategy ~ ": " ~ node.name ~ " declares meta." ~ strategy ~ "." ~ name ~ ": use " ~ known | join(', ')
        ) }}
    {%- endfor -%}
    {%- set rules = {} -%}
    {%- for name in known -%}
        {%- do rules.update({name: declared.get(name, [])}) -%}
    {%- endfor -%}
    {{ return(rules) }}
{% endmacro %}
