{#- The statements that make the indexes of these owners match their declaration; creates come before drops. -#}

{% macro postgres__index_plan(owners) %}
    {%- set creates = [] -%}
    {%- set drops = [] -%}
    {%- set found = {} -%}
    {%- for row in run_query(adapter.dispatch('index_catalog_sql', 'postgres_tuning')(owners)) -%}
        {%- do found.update({row["owner"]: fromjson(row["found"])}) -%}
    {%- endfor -%}
    {%- for owner in owners if owner.name in found -%}
        {%- set table = found[owner.name] -%}
        {%- set wanted = adapter.dispatch('wanted_indexes', 'postgres_tuning')(owner, table) -%}
        {%- set kept = [] -%}
        {%- for definition in wanted -%}
            {%- set same = table['indexes'] | selectattr('valid')
                | selectattr('digest', 'equalto', definition['digest']) | list -%}
            {%- if same -%}
                {%- do kept.append(same[0]['name']) -%}
            {%- else -%}
                {%- do creates.extend(adapter.dispatch('create_index_online', 'postgres_tuning')(
                    owner.relation, definition, table['partitions']
                )) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- set drop = 'drop index if exists ' if table['partitions'] else 'drop index concurrently if exists ' -%}
        {%- for index in table['indexes'] if index['digest'] and index['name'] not in kept -%}
            {%- do drops.append(drop ~ index['name']) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(creates + drops) }}
{% endmacro %}
