{#-
    Called in the transaction in which partition_table puts one table in the place of another. A project that keeps something
    by a table's oid carries it over in a postgres__table_replaced of its own.
-#}

{% macro default__table_replaced(old, new) %}
{% endmacro %}
