{#- SQL for the name of the relation with an OID, as watermark_name spells it; NULL if there is no such relation. -#}

{% macro postgres__watermark_name_of_oid(oid) -%}
    (select relnamespace::regnamespace || '.' || quote_ident(relname) from pg_class where pg_class.oid = {{ oid }})
{%- endmacro %}
