{#-
    Called by partition_table in the transaction that replaces a table by another one. A project or package that
    stores the OIDs of tables updates them in a macro postgres__table_replaced of its own.
-#}

{% macro default__table_replaced(old, new) %}
{% endmacro %}
