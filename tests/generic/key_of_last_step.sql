{#- Each step of a changelog is tested once, by the build that wrote it: earlier steps do not change. -#}

{% test key_of_last_step(model, columns, required) %}

{%- for argument in [columns, required] if argument is string or not argument -%}
    {{ exceptions.raise_compiler_error("key_of_last_step: expected a list of columns, got '" ~ argument ~ "'") }}
{%- endfor %}

select
    {{ columns | join(', ') }},
    count(*) as copies
from {{ model }}
where step = (select max(step) from {{ model }})
group by {{ columns | join(', ') }}
having count(*) > 1 or {{ required | join(' is null or ') }} is null

{% endtest %}
