{#-
    Before a relation is renamed to make place for a new one: finds what hangs on it, builds indexes and constraints on the
    new one, then locks. What has changed meanwhile is found again under the lock.
-#}

{% macro postgres__prepare_swap(old, new, managed=false) %}
    {%- set find_carried = adapter.dispatch('find_carried', 'postgres_tuning') -%}
    {%- set carry = adapter.dispatch('carry', 'postgres_tuning') -%}
    {%- do find_carried(old, new, managed) -%}
    {%- do carry(0, 0) -%}
    {%- do adapter.dispatch('lock_swapped', 'postgres_tuning')(old) -%}
    {%- do find_carried(old, new, managed) -%}
    {%- do carry(1, 1) -%}
{% endmacro %}
