{#-
    PL/pgSQL statements that give the current model's relation its next version and notify the listeners of the channel
    `delta_refreshed` of the relation's name, both in the transaction that wrote its rows. The row lock keeps versions in
    the order of the commits.
-#}

{% macro postgres__delta_changed(rebuilt) -%}
    {%- set name = adapter.dispatch('watermark_name', 'delta_models')(this) -%}
    insert into delta.versions as known (relation_name, version, rebuilt_version)
    values ({{ name }}, 1, 1)
    on conflict (relation_name) do update set
        version = known.version + 1,
        rebuilt_version = case when {{ rebuilt }} then known.version + 1 else known.rebuilt_version end,
        changed_at = now();
    perform pg_notify('delta_refreshed', {{ name }});
{%- endmacro %}
