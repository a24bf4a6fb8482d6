{#-
    The unique key of a snapshot: its grain for merge, the wallet for delete+insert, which so replaces all rows of one.
-#}

{% macro replaced_by(grain) -%}
    {{ return('wallet_address' if var('strategy', 'merge') == 'delete+insert' else grain) }}
{%- endmacro %}
