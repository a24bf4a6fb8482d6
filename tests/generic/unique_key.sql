{% test unique_key(model, columns) %}

{%- if columns is string or not columns -%}
    {{ exceptions.raise_compiler_error("unique_key: columns must be a list, got '" ~ columns ~ "'") }}
{%- endif %}

select
    {{ columns | join(', ') }},
    count(*) as copies
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1

{% endtest %}
