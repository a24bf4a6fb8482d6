{#-
    The tables that the package maintains: the loaded tables (`sources`), those that this run has built (`models`),
    both (`touched`), or every table (`all`). Leaves out loaded tables that belong to another target: see
    source_owners. For each: name, relation, meta and declared indexes.
-#}

{% macro postgres__tuned_tables(which) %}
    {%- set tables = [] -%}
    {%- set owners = adapter.dispatch('source_owners', 'postgres_tuning')() if execute and which != 'models' else {} -%}
    {%- for source in graph.sources.values() if owners.get(source.schema) == target.schema -%}
        {%- do tables.append({
            'name': source.source_name ~ '.' ~ source.name,
            'relation': api.Relation.create(
                database=source.database, schema=source.schema, identifier=source.identifier
            ),
            'meta': source.meta,
            'indexes': source.meta.get('indexes', []),
        }) -%}
    {%- endfor -%}
    {%- set built = [] if which in ['sources', 'all']
        else results | selectattr('status', 'equalto', 'success') | map(attribute='node.unique_id') | list -%}
    {%- for node in graph.nodes.values()
        if node.resource_type in ['model', 'seed', 'snapshot'] and node.config.materialized not in ['view', 'ephemeral']
        and (which == 'all' or node.unique_id in built) -%}
        {%- do tables.append({
            'name': node.name,
            'relation': api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias),
            'meta': node.config.get('meta') or {},
            'indexes': node.config.get('indexes') or [],
        }) -%}
    {%- endfor -%}
    {{ return(tables) }}
{% endmacro %}
